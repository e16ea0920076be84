using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Deployments;
using Keyturn.LocalCore.Mqtt;
using Microsoft.Extensions.Logging;
using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Cloud;

/// <summary>
/// Hears of the cloud's deployments over MQTT and carries them out one after the other: a group's as a job of a namespace, a thing's by its shadow. What was
/// begun when the nucleus ended is in progress in the cloud still, and is given out again.
/// </summary>
internal sealed class CloudDeployments(NucleusSettings settings, MqttProxy mqtt, FleetDeployer deployer, HealthReports health, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private static readonly TimeSpan RetryPause = TimeSpan.FromSeconds(5);

    private readonly Channel<ICloudOrder> orders = Channel.CreateUnbounded<ICloudOrder>();
    private readonly CancellationTokenSource stopping = new();
    private Task working = Task.CompletedTask;
    private volatile bool listening;

    public void Start()
    {
        var jobs = new DeploymentJobs(settings.ThingName, Publish, order => orders.Writer.TryWrite(order));
        var shadow = new DeploymentShadow(settings.ThingName, Publish, order => orders.Writer.TryWrite(order));
        mqtt.Connected += () =>
        {
            if (listening)
                Ask();
        };
        working = Task.WhenAll(ListenAsync(), CarryOutAsync());

        void Ask()
        {
            jobs.Ask();
            shadow.Ask();
            health.Send("RECONNECT");
        }

        async Task ListenAsync()
        {
            foreach (var (filter, hear) in jobs.Filters.Concat(shadow.Filters))
                await SubscribeAsync(new(filter, (topic, payload) => Hear(topic, payload, hear))).ConfigureAwait(false);
            listening = true;
            if (!stopping.IsCancellationRequested)
                Ask();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        orders.Writer.TryComplete();
        await working.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stopping.Dispose();
    }

    private void Hear(string topic, byte[] payload, Action<JsonObject> hear)
    {
        try
        {
            if (JsonNode.Parse(payload) is JsonObject message)
                hear(message);
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or InvalidDataException)
        {
            log.DeploymentUnreadable(topic, problem.Message);
        }
    }

    private async Task CarryOutAsync()
    {
        await Task.Yield();
        await foreach (var order in orders.Reader.ReadAllAsync(stopping.Token).ConfigureAwait(false))
        {
            order.Begin();
            DeploymentResult result;
            try
            {
                result = await deployer.DeployAsync(FleetDeployment.Parse(order.Document), stopping.Token).ConfigureAwait(false);
            }
            catch (InvalidDataException problem)
            {
                result = new("", DeploymentResult.FailedNoStateChange, problem.Message);
            }
            order.End(result);
            health.Send("THING_GROUP_DEPLOYMENT");
        }
    }

    private async Task SubscribeAsync(Subscription subscription)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await mqtt.SubscribeAsync(subscription, MqttQualityOfServiceLevel.AtLeastOnce, stopping.Token).ConfigureAwait(false);
                return;
            }
            catch (Exception problem) when (problem is MqttRequestException or CredentialException)
            {
                log.DeploymentsNotHeard(subscription.Filter, problem.Message);
                await Task.Delay(RetryPause, time, stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Publish(string topic, JsonObject message)
    {
        try
        {
            mqtt.Publish(topic, Encoding.UTF8.GetBytes(message.ToJsonString()), MqttQualityOfServiceLevel.AtLeastOnce);
        }
        catch (MqttRequestException problem)
        {
            log.MqttPublishFailed(topic, problem.Message);
        }
    }
}

/// <summary>A deployment that is to be carried out, and where its progress is told.</summary>
internal interface ICloudOrder
{
    JsonNode? Document { get; }

    void Begin();

    void End(DeploymentResult result);
}
