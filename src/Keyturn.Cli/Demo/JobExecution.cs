namespace Keyturn.Cli.Demo;

/// <summary>A job execution as the control plane describes it: status, and what the device said of its step and its reason.</summary>
internal sealed record JobExecution(string Status, string? Step, string? Reason)
{
    public bool IsTerminal => Status is not ("QUEUED" or "IN_PROGRESS");
}
