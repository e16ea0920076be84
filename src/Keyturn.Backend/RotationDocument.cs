using System.Text.Json;
using Keyturn.Contracts;

namespace Keyturn.Backend;

/// <summary>The job document that makes a job a rotation.</summary>
public sealed class RotationDocument
{
    private readonly string _operation;

    /// <param name="json">As the stack configures it.</param>
    /// <exception cref="FormatException">It names no operation.</exception>
    public RotationDocument(string json) =>
        _operation = OperationOf(json) ?? throw new FormatException(
            $"The job document is not JSON with an operation; the rotation's is {{\"operation\":\"{JobDocument.RotateCertificate}\"}}.");

    public bool Is(string document) => OperationOf(document) == _operation;

    private static string? OperationOf(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ContractsJson.Default.JobDocument)?.Operation;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
