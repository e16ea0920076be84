using System.CommandLine;
using System.CommandLine.Parsing;
using System.Security.Cryptography;
using Keyturn.LocalCloud.PrivateCa;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>The options of <c>local-cloud</c>.</summary>
internal static class CommandLine
{
    public const string DefaultTemplate = "infra/AWSLabsCertificateRotator.template.json";

    public static RootCommand Build(Func<CloudOptions, CancellationToken, Task<int>> run)
    {
        var api = Port("--api-port", 4566, "Every AWS API, plain HTTP");
        var mqtt = Port("--mqtt-port", 8883, "MQTT with mutual TLS");
        var https = Port("--https-port", 8443, "HTTPS, signed or with a client certificate");
        var management = Port("--management-port", 4567, "The page, /calls and /notifications");
        var data = new Option<string>("--data") { Description = "Directory for root-ca.pem", HelpName = "DIR" };
        var serverKey = new Option<string>("--server-key")
        {
            Description = "Of the server and the root CA. AWS has both kinds; with an elliptic one the start is faster",
            HelpName = "ec256|rsa2048",
            DefaultValueFactory = _ => "rsa2048",
        };
        var template = new Option<string>("--template") { Description = $"CloudFormation template (JSON) of the stack; default {DefaultTemplate}", HelpName = "FILE" };
        var function = new Option<string>("--function-executable") { Description = "The executable behind every function; default $KEYTURN_FUNCTION", HelpName = "PATH" };
        var detach = new Option<int>("--detach-delay")
        {
            Description = "DetachThingPrincipal takes effect this many milliseconds later",
            HelpName = "MS",
            DefaultValueFactory = _ => 200,
        };
        detach.Validators.Add(r => Check(r, 0, 60_000));
        var retry = new Option<int>("--retry-delay")
        {
            Description = "Milliseconds before a failed asynchronous event is tried again (AWS: 60000)",
            HelpName = "MS",
            DefaultValueFactory = _ => 1000,
        };
        retry.Validators.Add(r => Check(r, 0, 60_000));

        var privateCa = new Option<string>("--private-ca")
        {
            Description = "Make a private CA that is ready to issue: rsa2048, rsa3072, rsa4096, ec256, ec384 or ec521; after it, if wanted, ',short-lived' and ',id=' with the last part of its ARN",
            HelpName = "KEY",
        };
        var parameter = new Option<string[]>("--parameter")
        {
            Description = "A parameter of the template; {private-ca} in the value is the ARN of the CA of --private-ca", HelpName = "NAME=VALUE",
        };

        var quotas = new Option<string>("--quotas")
        {
            Description = "Calls a second: default (as AWS publishes them), off, or a file",
            HelpName = "default|off|FILE",
            DefaultValueFactory = _ => "off",
        };
        var faults = new Option<string>("--faults")
        {
            Description = "What goes wrong: mild (events come twice now and then), none, faults separated by semicolons, or a file of them",
            HelpName = "SPEC|none|FILE",
            DefaultValueFactory = _ => "mild",
        };
        var seed = new Option<int?>("--seed") { Description = "Of all randomness in the faults; default a new one each time, which is printed", HelpName = "N" };
        seed.Validators.Add(r => Check(r, 0, int.MaxValue));

        var root = new RootCommand("The AWS side of a certificate rotation, on one machine.") { api, mqtt, https, management, data, serverKey, template, function, detach, retry, quotas, faults, seed, privateCa, parameter };
        root.SetAction(async (parsed, cancellation) => await run(
            new CloudOptions
            {
                ApiPort = parsed.GetValue(api),
                MqttPort = parsed.GetValue(mqtt),
                HttpsPort = parsed.GetValue(https),
                ManagementPort = parsed.GetValue(management),
                DataDirectory = parsed.GetValue(data) ?? Path.Combine(Path.GetTempPath(), $"local-cloud-{Environment.ProcessId}"),
                KeepData = parsed.GetValue(data) is not null,
                RsaServer = IsRsa(parsed.GetValue(serverKey)!),
                Template = TemplateFile(parsed.GetValue(template)),
                FunctionExecutable = parsed.GetValue(function) ?? Environment.GetEnvironmentVariable("KEYTURN_FUNCTION"),
                PrivateCa = parsed.GetValue(privateCa) is { } choice ? Choice(choice) : null,
                Parameters = Pairs(parsed.GetValue(parameter) ?? [], parsed.GetValue(privateCa) is not null),
                DetachDelay = TimeSpan.FromMilliseconds(
                    parsed.GetResult(detach) is { Implicit: true } && parsed.GetValue(faults) == "none" ? 0 : parsed.GetValue(detach)),
                RetryDelay = TimeSpan.FromMilliseconds(parsed.GetValue(retry)),
                Quotas = parsed.GetValue(quotas)!,
                Faults = parsed.GetValue(faults)!,
                Seed = parsed.GetValue(seed) ?? RandomNumberGenerator.GetInt32(int.MaxValue),
            },
            cancellation));
        return root;
    }

    private static Option<int> Port(string name, int otherwise, string description)
    {
        var option = new Option<int>(name) { Description = $"{description}; 0 takes any free port", HelpName = "PORT", DefaultValueFactory = _ => otherwise };
        option.Validators.Add(r => Check(r, 0, 65535));
        return option;
    }

    private static void Check(OptionResult result, int min, int max)
    {
        if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out var value) || value < min || value > max))
            result.AddError($"{result.Option.Name} {result.Tokens[0].Value} is not a number from {min} to {max}; write {result.Option.Name} 0, for example");
    }

    private static bool IsRsa(string text) => text switch
    {
        "rsa2048" => true,
        "ec256" => false,
        _ => throw new OptionException($"--server-key {text} is no kind of key that the server can have; write ec256 or rsa2048"),
    };

    private static PrivateCaChoice Choice(string text) => PrivateCaChoice.Parse(text)
        ?? throw new OptionException($"--private-ca {text} is no kind of CA; write rsa2048, rsa3072, rsa4096, ec256, ec384 or ec521, and after it, if wanted, ',short-lived' and ',id=' with a GUID");

    private static Dictionary<string, string> Pairs(string[] given, bool hasCa)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in given)
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
                throw new OptionException($"--parameter {pair} is not NAME=VALUE; write --parameter PcaValidityInDays=7, for example");
            if (!hasCa && pair.Contains(CloudOptions.PrivateCaPlaceholder, StringComparison.Ordinal))
                throw new OptionException($"--parameter {pair} speaks of a private CA that is not there; add --private-ca, or write an ARN");
            if (!pairs.TryAdd(pair[..equals], pair[(equals + 1)..]))
                throw new OptionException($"--parameter {pair[..equals]} is given twice; leave one out");
        }

        return pairs;
    }

    private static string? TemplateFile(string? given)
    {
        if (given is not null)
            return File.Exists(given) ? given : throw new OptionException($"there is no file {given}; write --template with a CloudFormation template in JSON");
        return Environment.GetEnvironmentVariable("KEYTURN_TEMPLATE") is { Length: > 0 } set && File.Exists(set) ? set
            : File.Exists(DefaultTemplate) ? DefaultTemplate : null;
    }
}
