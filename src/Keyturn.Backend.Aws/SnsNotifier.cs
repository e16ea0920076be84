using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

public sealed class SnsNotifier(SnsClient sns, string topicArn) : INotifier
{
    /// <summary>SNS takes subjects of less than 100 characters, printable ASCII.</summary>
    private const int SubjectCharacters = 99;

    public Task NotifyAsync(Notice notice, CancellationToken cancellation) =>
        Services.CallAsync("sns", "Publish", () => sns.PublishAsync(
            topicArn, Subject(notice), Text(notice),
            new Dictionary<string, string>
            {
                ["kind"] = notice.Kind.ToString(),
                ["thing"] = notice.Thing,
                ["notice"] = JsonSerializer.Serialize(notice, NoticeJson.Default.Notice),
            },
            cancellation));

    internal static string Subject(Notice notice)
    {
        var subject = notice.Kind == NoticeKind.Alarm
            ? $"Certificate rotation needs attention: {notice.Thing}"
            : $"Certificate rotation failed: {notice.Thing}";
        return subject.Length <= SubjectCharacters ? subject : subject[..(SubjectCharacters - 3)] + "...";
    }

    internal static string Text(Notice notice)
    {
        var text = new StringBuilder();
        void Line(string label, string? value) => text.Append(label.PadRight(20)).Append(value).Append('\n');
        Line("Thing:", notice.Thing);
        Line("Job:", notice.JobId);
        Line("Step:", notice.Step);
        Line("Reason:", notice.Reason);
        if (notice.InUse is not null)
        {
            Line("Certificate in use:", notice.InUse);
        }

        Line("To do:", notice.ToDo);
        return text.ToString();
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(Notice))]
internal sealed partial class NoticeJson : JsonSerializerContext;
