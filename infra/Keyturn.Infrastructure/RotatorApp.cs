using Amazon.CDK;

namespace Keyturn.Infrastructure;

/// <summary>The stack, and with it the pipeline if the context names a repository, written to a directory; nothing is deployed and no account is asked.</summary>
internal static class RotatorApp
{
    public const string StackName = "AWSLabsCertificateRotator";

    /// <param name="directory">Null: where the CDK CLI wants it.</param>
    /// <param name="context">Null: what the CDK CLI passes on from cdk.json and its -c options.</param>
    public static void Synthesize(string? directory, IReadOnlyDictionary<string, object>? context = null)
    {
        var app = new App(new AppProps
        {
            Outdir = directory,
            Context = context?.ToDictionary(),
            AnalyticsReporting = false,
            TreeMetadata = false,
        });
        var reader = new ContextReader(key => app.Node.TryGetContext(key));
        var (stack, pipeline) = (StackContext.Read(reader), PipelineContext.Read(reader));
        new RotatorStack(app, StackName, stack);
        if (pipeline is not null)
        {
            new PipelineStack(app, pipeline);
        }

        app.Synth();
    }
}
