using Keyturn.Infrastructure;

// The CDK CLI tells in CDK_OUTDIR where to; without the CLI it is the one argument.
if (args.Length > 1 || (args.Length == 0 && Environment.GetEnvironmentVariable("CDK_OUTDIR") is null))
{
    Console.Error.WriteLine("infrastructure: name the directory to write the templates to, or run 'cdk synth' in infra/. Nothing was written.");
    return 1;
}

try
{
    RotatorApp.Synthesize(args is [var directory] ? directory : null);
    return 0;
}
catch (ContextException error)
{
    Console.Error.WriteLine($"infrastructure: {error.Message} Nothing was written or deployed.");
    return 1;
}
