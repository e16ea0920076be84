using System.Net.Security;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.CloudFormation;
using Keyturn.LocalCloud.DynamoDb;
using Keyturn.LocalCloud.EventBridge;
using Keyturn.LocalCloud.Faults;
using Keyturn.LocalCloud.Greengrass;
using Keyturn.LocalCloud.Iam;
using Keyturn.LocalCloud.Jobs;
using Keyturn.LocalCloud.Lambda;
using Keyturn.LocalCloud.Management;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Pki;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.PrivateCa;
using Keyturn.LocalCloud.Quotas;
using Keyturn.LocalCloud.Registry;
using Keyturn.LocalCloud.Rules;
using Keyturn.LocalCloud.S3;
using Keyturn.LocalCloud.Shadows;
using Keyturn.LocalCloud.Sns;
using Keyturn.LocalCloud.Sqs;
using Keyturn.LocalCloud.Sts;
using TopicRules = Keyturn.LocalCloud.Rules.TopicRules;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>The composition root: every service, wired to the others, and the listeners before them.</summary>
internal sealed class Cloud : IAsyncDisposable
{
    private readonly CloudOptions _options;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly Authorities _authorities;
    private readonly SslStreamCertificateContext _tls;
    private readonly DeviceRegistry _registry = new();
    private readonly CallCounter _calls = new();
    private readonly AccessKeys _keys = new();
    private readonly RoleStore _roles = new();
    private readonly TablePolicies _tablePolicies = new();
    private readonly QueueStore _queues;
    private readonly SnsService _sns;
    private readonly DynamoDbService _tables;
    private readonly LambdaService _lambda;
    private readonly MqttBroker _broker;
    private readonly JobsService _jobs;
    private readonly ShadowService _shadows;
    private readonly TopicRules _rules;
    private readonly RulesEngine _engine;
    private readonly RecentMessages _recent;
    private readonly ApiServer _api;
    private readonly ManagementServer _management;
    private readonly AuthorityStore _privateCas;
    private readonly FaultBook _faults;
    private readonly FaultOperations _faultOperations;
    private readonly ScheduleService _schedules;
    private readonly BucketStore _buckets;
    private readonly ComponentStore _components = new();
    private readonly DeploymentStore _deployments;
    private readonly CoreDevices _coreDevices;
    private readonly CustomResourceAnswers _customResources;
    private readonly List<IAsyncDisposable> _planes = [];

    public Cloud(CloudOptions options, ILoggerFactory logs, TimeProvider time)
    {
        (_options, _logs, _log) = (options, logs, logs.CreateLogger<Cloud>());
        _authorities = new Authorities(time, options.RsaServer);
        _tls = SslStreamCertificateContext.Create(_authorities.Server, [], offline: true);
        _queues = new QueueStore(time, () => ApiUrl);
        _sns = new SnsService(time, logs);
        _tables = new DynamoDbService(CloudAccount.Local, time);
        _lambda = new LambdaService(
            options.FunctionExecutable, () => ApiUrl, _keys, new Lazy<IDeadLetters>(() => new RuleWiring(_lambda!, _sns, _queues, _roles, logs.CreateLogger("Rules"))),
            options.RetryDelay, time, logs);
        var quotas = QuotaOption.Read(options.Quotas);
        _faults = new FaultBook(options.Seed, time, CertificateIds, logs.CreateLogger("Faults"));
        _broker = new MqttBroker(
            new MqttBrokerOptions(_tls, CloudAccount.Local)
            {
                Port = options.MqttPort, Faults = _faults,
                ConnectsPerSecond = quotas.PerSecond(QuotaTable.Connect), ConnectsPerSecondOfClient = quotas.PerSecond(QuotaTable.ConnectOfClient),
            },
            _registry, time, logs.CreateLogger<MqttBroker>());
        var gate = new CallGate(new RoleGate(_roles, _sns, _tablePolicies), new CallQuotas(quotas, time), _faults, _lambda.Kill);
        _jobs = new JobsService(_registry, _broker, CloudAccount.Local, time, logs.CreateLogger<JobsService>(), gate.Judge);
        _shadows = new ShadowService(_registry, _broker, CloudAccount.Local, time, logs.CreateLogger<ShadowService>(), gate.Judge);
        _rules = new TopicRules(CloudAccount.Local, time);
        _engine = new RulesEngine(
            _rules, _broker, new RuleWiring(_lambda, _sns, _queues, _roles, logs.CreateLogger("Rules")).Targets, CloudAccount.Local, time, logs.CreateLogger<RulesEngine>());
        _schedules = new ScheduleService(_lambda, _queues, time, logs.CreateLogger("Schedules"));
        _buckets = new BucketStore(time);
        _customResources = new CustomResourceAnswers(() => ApiUrl);
        _deployments = new DeploymentStore(_jobs, _shadows, _registry);
        _coreDevices = new CoreDevices(time);
        _broker.Watch(_coreDevices.Watch);
        _privateCas = new AuthorityStore(time);
        PrivateCaArn = options.PrivateCa is { } choice ? _privateCas.CreateReady(choice).Arn : null;
        _recent = new RecentMessages(time);
        _broker.Watch(_recent.Add);
        Operations = [.. AllOperations(time).Checked()];
        var calls = Operations.Select(o => $"{o.Service}:{o.Name}").ToHashSet(StringComparer.Ordinal);
        try
        {
            quotas.Check(calls);
        }
        catch (FormatException wrong)
        {
            throw QuotaOption.Wrong(options.Quotas, wrong);
        }

        _faultOperations = new FaultOperations(_faults, calls, () => _lambda.Functions.Select(f => f.Name));
        _api = new ApiServer(
            new ApiRouter(Operations), new SignatureVerifier(_keys, CloudAccount.Local.Region, time), _registry, _calls,
            gate, logs.CreateLogger<ApiServer>());
        _management = new ManagementServer(
            _calls, () => new JsonArray([.. _sns.Published.Select(n => n.Show())]), _faultOperations,
            new StackState(_schedules, _roles),
            new CloudPage(_registry, _broker, _jobs, _lambda, _queues, _sns, _calls, _recent, _faults, time).Write);
        StackTypes = new Dictionary<string, ResourceFactory>(
        [
            .. new ComputeResources(_lambda, _roles, time).Types,
            .. new MessagingResources(_sns, _queues).Types,
            .. new IotResources(_rules, (id, members) => _jobs.Templates.Create(id, members).Arn).Types,
            .. new ScheduleResources(_schedules).Types,
            .. new BucketResources(_buckets).Types,
            .. new CustomResources(_lambda, _customResources, CloudOptions.StackName).Types,
            .. ObservedResources.Types,
            .. new TableResources(_tables.CreateTable, _tables.SetTimeToLive, _tablePolicies.Put).Types,
        ]);
    }

    /// <summary>Every operation of every service.</summary>
    public IReadOnlyList<ApiOperation> Operations { get; }

    public int ApiPort { get; private set; }

    public int HttpsPort { get; private set; }

    public int ManagementPort { get; private set; }

    public int MqttPort => _broker.Port;

    public string ApiUrl => $"http://127.0.0.1:{ApiPort}";

    public string RootCaFile => Path.Combine(_options.DataDirectory, "root-ca.pem");

    /// <summary>The CA that is ready from the start; null when none was asked for.</summary>
    public string? PrivateCaArn { get; }

    /// <summary>What is printed before <c>ready</c>.</summary>
    public IEnumerable<string> Urls =>
    [
        $"api {ApiUrl}",
        $"mqtt localhost:{_broker.Port}",
        $"https https://localhost:{HttpsPort}",
        $"management http://127.0.0.1:{ManagementPort}",
        $"root-ca {RootCaFile}",
        .. PrivateCaArn is null ? (string[])[] : [$"private-ca {PrivateCaArn}"],
        $"seed {_faults.Seed}",
    ];

    private IReadOnlyDictionary<string, ResourceFactory> StackTypes { get; }

    public async Task StartAsync()
    {
        Directory.CreateDirectory(_options.DataDirectory);
        await File.WriteAllTextAsync(RootCaFile, _authorities.RootPem);
        // The API alone: functions behind custom resources call it while the stack is being made.
        ApiPort = await ListenAsync(
            "api", _options.ApiPort, new ApiPlane(_api, new UnsignedSnsRequests(_sns), _customResources, _authorities.RootPem).HandleAsync);
        _sns.ApiUrl = ApiUrl;
        if (_options.Template is { } template)
            await DeployAsync(template);
        else
            _log.NoStack(CommandLine.DefaultTemplate);
        SetFaults();
        _engine.Start();
        await _broker.StartAsync();
        HttpsPort = await ListenAsync("https", _options.HttpsPort, _api.HandleAsync, _tls, _broker.ServeByAlpnAsync);
        ManagementPort = await ListenAsync("management", _options.ManagementPort, _management.HandleAsync);
    }

    private async Task DeployAsync(string file)
    {
        var parameters = _options.Parameters.Select(
            p => KeyValuePair.Create(p.Key, p.Value.Replace(CloudOptions.PrivateCaPlaceholder, PrivateCaArn, StringComparison.Ordinal)));
        var template = Template.Parse(await File.ReadAllBytesAsync(file)).With(parameters);
        // A custom resource waits for its function: deploying takes a thread of its own.
        var count = await Task.Factory.StartNew(
            () => Stack.Deploy(template, CloudOptions.StackName, StackTypes), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        // Without one, what switches job events on is a step of the deployment outside the template.
        if (!template.HasCustomResources)
            _jobs.Events.Enable("JOB", "JOB_EXECUTION");
        _log.StackDeployed(file, count);
    }

    public async ValueTask DisposeAsync()
    {
        await _schedules.DisposeAsync();
        await _lambda.DisposeAsync();
        await Task.WhenAll(_planes.Select(p => p.DisposeAsync().AsTask()));
        await _jobs.DisposeAsync();
        await _shadows.DisposeAsync();
        await _broker.DisposeAsync();
        await _engine.DisposeAsync();
        await _sns.DisposeAsync();
        _authorities.Dispose();
        _privateCas.Dispose();
        if (!_options.KeepData && Directory.Exists(_options.DataDirectory))
            Directory.Delete(_options.DataDirectory, recursive: true);
    }

    private IEnumerable<ApiOperation> AllOperations(TimeProvider time) =>
    [
        .. new ThingOperations(_registry).All,
        .. new ThingTypeOperations(_registry, time).All,
        .. new GroupOperations(_registry, time).All,
        .. new FleetIndex(_registry).All,
        .. Certificates(time),
        .. new PolicyOperations(_registry, FindFault, time).All,
        .. new PolicyAttachments(_registry).All,
        .. new ThingPrincipals(_registry, _options.DetachDelay, time).All,
        .. new Endpoints(() => _broker.Port, () => HttpsPort).All,
        .. _broker.Operations,
        .. _jobs.Operations,
        .. _shadows.Operations,
        .. _rules.Operations,
        .. new LambdaOperations(_lambda, time).All,
        .. new SnsOperations(_sns).All,
        .. new StsOperations(_keys).All,
        .. new EventRuleOperations(_schedules).All,
        .. new SqsOperations(_queues, time).All,
        .. new BucketOperations(_buckets).All,
        .. new ObjectOperations(_buckets).All,
        .. new ComponentOperations(_components, new Artifacts(_buckets, _keys, _roles), time).All,
        .. new DeploymentOperations(_deployments, time).All,
        .. new CoreDeviceOperations(_coreDevices, _deployments, _registry).All,
        .. new DataPlaneOperations(_components, _registry, time).All,
        .. new RoleOperations(_roles).All,
        .. new RoleAliases(_roles, _keys, _registry, time).All,
        .. _tables.Operations,
        .. ((IEnumerable<ApiOperation>)[
            .. new AuthorityOperations(_privateCas, time).All, .. new AuthorityCertificates(_privateCas, time).All, .. new Issuance(_privateCas, time).All,
        ]).Saying("ValidationException"),
    ];

    private IEnumerable<ApiOperation> Certificates(TimeProvider time)
    {
        var certificates = new CertificateOperations(_registry, _authorities, time);
        return [.. certificates.All, .. new CertificateRegistration(_registry, certificates, time).All, .. new CaCertificateOperations(_registry, time).All];
    }

    private static string? FindFault(string policyDocument)
    {
        try
        {
            PolicyDocument.Parse(policyDocument);
            return null;
        }
        catch (PolicyFormatException e)
        {
            return e.Message;
        }
    }

    private async Task<int> ListenAsync(string name, int port, RequestDelegate handler, SslStreamCertificateContext? tls = null, ServeStream? mqtt = null)
    {
        var plane = await HttpPlane.StartAsync(name, port, Freezable, _logs, tls, mqtt);
        _planes.Add(plane);
        _log.Listening(name, $"127.0.0.1:{plane.Port}");
        return plane.Port;

        async Task Freezable(HttpContext http)
        {
            try
            {
                await _faults.ThawedAsync(name, http.RequestAborted);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await handler(http);
        }
    }

    private void SetFaults()
    {
        try
        {
            _faultOperations.Start(_options.Faults);
        }
        catch (FormatException wrong)
        {
            throw new OptionException($"--faults can't be used: {wrong.Message}; nothing was started");
        }
    }

    private List<string> CertificateIds()
    {
        lock (_registry.Gate)
            return [.. _registry.Certificates.Keys];
    }
}
