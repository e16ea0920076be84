namespace Keyturn.Contracts;

/// <summary>
/// Every topic a rotation uses. The certificate topics are the reference solution's two and no more: AWS IoT drops a
/// connection that publishes where its policy does not allow, so a third would knock devices with older policies off.
/// </summary>
public static class Topics
{
    public static string Create(string thing) => $"awslabs/things/{thing}/certificate/create";

    public static string Commit(string thing) => $"awslabs/things/{thing}/certificate/commit";

    public static string Accepted(string request) => request + "/accepted";

    public static string Rejected(string request) => request + "/rejected";

    /// <summary>The thing's next pending job execution, or nothing when its queue is empty.</summary>
    public static string NextJobGet(string thing) => JobGet(thing, "$next");

    public static string JobGet(string thing, string jobId) => $"{Jobs(thing)}/{jobId}/get";

    public static string JobUpdate(string thing, string jobId) => $"{Jobs(thing)}/{jobId}/update";

    /// <summary>Published by AWS IoT when the thing's next pending execution becomes another one.</summary>
    public static string NotifyNext(string thing) => $"{Jobs(thing)}/notify-next";

    private static string Jobs(string thing) => $"$aws/things/{thing}/jobs";
}
