using System.Collections.Immutable;
using Keyturn.LocalCloud.Iam;
using Keyturn.LocalCloud.Lambda;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>Functions, who may invoke them, and the roles they run as.</summary>
internal sealed class ComputeResources(LambdaService lambda, RoleStore roles, TimeProvider time)
{
    /// <summary>What Lambda itself needs to write logs; nothing that a function calls here.</summary>
    private static readonly string[] PassedOverManagedPolicies =
        ["service-role/AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AWSXrayWriteOnlyAccess", "CloudWatchLambdaInsightsExecutionRolePolicy"];

    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types =>
    [
        new("AWS::IAM::Role", Role),
        new("AWS::IAM::Policy", Policy),
        new("AWS::IAM::ManagedPolicy", ManagedPolicy),
        new("AWS::Lambda::Function", Function),
        new("AWS::Lambda::Permission", Permission),
        new("AWS::Lambda::EventInvokeConfig", EventInvokeConfig),
        new("AWS::Lambda::Version", Version),
        new("AWS::Lambda::Alias", Alias),
    ];

    private CreatedResource Role(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Description", "Path", "Tags", "MaxSessionDuration");
        var role = roles.Add(properties.Text("RoleName") ?? physicalName, IamPolicy.Parse(properties.Json("AssumeRolePolicyDocument")));
        foreach (var policy in properties.Objects("Policies"))
        {
            policy.Required("PolicyName");
            role.Grant(IamPolicy.Parse(policy.Json("PolicyDocument")));
            policy.Close();
        }

        foreach (var arn in properties.Texts("ManagedPolicyArns"))
        {
            if (_managed.TryGetValue(arn, out var managed))
                role.Grant(managed);
            else if (!PassedOverManagedPolicies.Any(p => arn.EndsWith(":policy/" + p, StringComparison.Ordinal)))
                throw new StackException($"role {role.Name}: the managed policy {arn} is not one that this cloud knows");
        }

        return new CreatedResource(role.Name, new Dictionary<string, string> { ["Arn"] = role.Arn, ["RoleId"] = "AROA" + role.Name });
    }

    private readonly Dictionary<string, IamPolicy> _managed = new(StringComparer.Ordinal);

    private CreatedResource ManagedPolicy(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Description", "Path");
        var arn = CloudAccount.Local.GlobalArn("iam", $"policy/{properties.Text("ManagedPolicyName") ?? physicalName}");
        var policy = IamPolicy.Parse(properties.Json("PolicyDocument"));
        _managed[arn] = policy;
        foreach (var role in properties.Texts("Roles"))
            (roles.Find(role) ?? throw new StackException($"{properties.Path}: there is no role {role}")).Grant(policy);
        return new CreatedResource(arn, new Dictionary<string, string> { ["PolicyArn"] = arn });
    }

    private CreatedResource Policy(ResourceProperties properties, string physicalName)
    {
        var name = properties.Text("PolicyName") ?? physicalName;
        var policy = IamPolicy.Parse(properties.Json("PolicyDocument"));
        foreach (var role in properties.Texts("Roles"))
            (roles.Find(role) ?? throw new StackException($"policy {name}: there is no role {role}")).Grant(policy);
        return new CreatedResource(name, CloudAccount.Local.GlobalArn("iam", $"policy/{name}"));
    }

    private CreatedResource Function(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Code", "Tags", "EphemeralStorage", "PackageType", "RecursiveLoop", "RuntimeManagementConfig");
        var role = properties.Required("Role");
        var runtime = properties.Required("Runtime");
        if (!runtime.StartsWith("provided", StringComparison.Ordinal))
            throw new StackException($"function {physicalName}: its runtime is {runtime}; this cloud runs executables, provided.al2023");
        var environment = properties.Object("Environment");
        var deadLetter = properties.Object("DeadLetterConfig");
        var logging = properties.Object("LoggingConfig");
        logging?.PassOver("ApplicationLogLevel", "LogFormat", "SystemLogLevel");
        var tracing = properties.Object("TracingConfig");
        var function = lambda.Add(new LambdaFunction(
            properties.Text("FunctionName") ?? physicalName, runtime, properties.Required("Handler"),
            roles.Find(role) ?? throw new StackException($"function {physicalName}: there is no role {role}"))
        {
            Description = properties.Text("Description"),
            TimeoutSeconds = properties.Number("Timeout") ?? 3,
            MemoryMegabytes = properties.Number("MemorySize") ?? 128,
            Environment = (environment?.Map("Variables") ?? []).ToImmutableSortedDictionary(StringComparer.Ordinal),
            Architecture = properties.Texts("Architectures") is [var architecture] ? architecture : "x86_64",
            DeadLetterArn = deadLetter?.Text("TargetArn"),
            KmsKeyArn = properties.Text("KmsKeyArn"),
            TracingMode = tracing?.Text("Mode") ?? "PassThrough",
            LogGroup = logging?.Text("LogGroup"),
            ReservedConcurrency = properties.Number("ReservedConcurrentExecutions"),
            LastModified = time.GetUtcNow(),
        });
        environment?.Close();
        deadLetter?.Close();
        logging?.Close();
        tracing?.Close();
        return new CreatedResource(function.Name, function.Arn);
    }

    private CreatedResource Permission(ResourceProperties properties, string physicalName)
    {
        var function = Find(properties);
        var permission = new InvokePermission(
            properties.Required("Action"), properties.Required("Principal"), properties.Text("SourceArn"), properties.Text("SourceAccount"));
        lambda.Update(function.Name, f => f with { Permissions = f.Permissions.Add(permission) });
        return new CreatedResource(physicalName, new Dictionary<string, string>());
    }

    private CreatedResource EventInvokeConfig(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Qualifier");
        var function = Find(properties);
        var destinations = properties.Object("DestinationConfig");
        var onFailure = destinations?.Object("OnFailure");
        var onSuccess = destinations?.Object("OnSuccess");
        lambda.Update(function.Name, f => f with
        {
            MaxRetries = properties.Number("MaximumRetryAttempts") ?? f.MaxRetries,
            MaxEventAge = properties.Number("MaximumEventAgeInSeconds") is { } seconds ? TimeSpan.FromSeconds(seconds) : f.MaxEventAge,
            OnFailureArn = onFailure?.Required("Destination"),
            OnSuccessArn = onSuccess?.Required("Destination"),
        });
        destinations?.Close();
        return new CreatedResource(physicalName, new Dictionary<string, string>());
    }

    /// <summary>The one configuration there is, under a number: the functions of a stack are not published twice.</summary>
    private CreatedResource Version(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("CodeSha256", "Description", "ProvisionedConcurrencyConfig", "RuntimePolicy");
        var arn = Find(properties).Arn + ":1";
        return new CreatedResource(arn, new Dictionary<string, string> { ["Version"] = "1", ["FunctionArn"] = arn });
    }

    private CreatedResource Alias(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("Description", "ProvisionedConcurrencyConfig");
        var function = Find(properties);
        if (properties.Required("FunctionVersion") is not ("1" or "$LATEST"))
            throw new StackException($"{properties.Path}: the function {function.Name} has the versions 1 and $LATEST only");
        var arn = $"{function.Arn}:{properties.Required("Name")}";
        return new CreatedResource(arn, new Dictionary<string, string> { ["AliasArn"] = arn });
    }

    private LambdaFunction Find(ResourceProperties properties)
    {
        var name = properties.Required("FunctionName");
        return lambda.Find(name) ?? throw new StackException($"there is no function {name}");
    }
}
