using Keyturn.Lambda;

var log = new JsonLog(Console.OpenStandardOutput(), TimeProvider.System);
if (Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API") is not { Length: > 0 } address)
{
    log.StartFailed("AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda function's bootstrap, run by AWS Lambda or by script/local-cloud");
    return 1;
}

using var runtime = new RuntimeApi(address, log, TimeProvider.System);
Handler handler;
try
{
    handler = Functions.Find(Environment.GetEnvironmentVariable, log, TimeProvider.System);
}
catch (Exception exception)
{
    log.StartFailed(exception.Message);
    await runtime.ReportStartFailureAsync(exception, CancellationToken.None);
    return 1;
}

return await runtime.RunAsync(handler, CancellationToken.None);
