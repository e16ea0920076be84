using Keyturn.LocalCore;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Provisioning;
using Keyturn.LocalCore.Tokens;

var command = LocalCoreCommand.Build(TimeProvider.System).Parse(args);
if (command.Errors.Count > 0)
{
    await Console.Error.WriteLineAsync($"local-core: {command.Errors[0].Message} local-core --help lists the options.");
    return 1;
}
try
{
    // Loader and nucleus see to their signals themselves.
    return await command.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (Exception problem) when (problem is UsageException or ProvisioningException or AwsApiException or RecipeException or TokenException
    or InvalidDataException or IOException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"local-core: {problem.Message}");
    return 1;
}
