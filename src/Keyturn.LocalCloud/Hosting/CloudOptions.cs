namespace Keyturn.LocalCloud.Hosting;

/// <summary>What the command line sets. Port 0 means any free port.</summary>
internal sealed record CloudOptions
{
    public const string StackName = "AWSLabsCertificateRotator";

    /// <summary>In the value of a parameter: the ARN of the CA of <see cref="PrivateCa"/>.</summary>
    public const string PrivateCaPlaceholder = "{private-ca}";

    public int ApiPort { get; init; } = 4566;

    public int MqttPort { get; init; } = 8883;

    public int HttpsPort { get; init; } = 8443;

    public int ManagementPort { get; init; } = 4567;

    /// <summary>Where root-ca.pem goes.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>False when the directory is a temporary one of ours, which goes at the end.</summary>
    public bool KeepData { get; init; }

    /// <summary>Whether the server and the root CA have RSA keys. Making those takes most of a second, which is longer than the rest of a start.</summary>
    public bool RsaServer { get; init; }

    /// <summary>The CloudFormation template of the stack; null starts an empty account.</summary>
    public string? Template { get; init; }

    /// <summary>The executable behind every function of the stack.</summary>
    public string? FunctionExecutable { get; init; }

    /// <summary>off, default, or a file.</summary>
    public string Quotas { get; init; } = "off";

    /// <summary>mild, none, faults, or a file of them.</summary>
    public string Faults { get; init; } = "mild";

    /// <summary>Of all randomness in the faults.</summary>
    public int Seed { get; init; }

    /// <summary>DetachThingPrincipal takes effect this much later, as on AWS.</summary>
    public TimeSpan DetachDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Between the first attempt at an asynchronous event and the second; twice as long before the third. AWS waits a minute.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A private CA that is ready when the stack is deployed; null makes none.</summary>
    public PrivateCa.PrivateCaChoice? PrivateCa { get; init; }

    /// <summary>Values of the template's parameters. <c>{private-ca}</c> in one stands for the ARN of the CA that is ready.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();
}
