using Keyturn.LocalCloud.Quotas;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>What <c>--quotas</c> names.</summary>
internal static class QuotaOption
{
    public static QuotaTable Read(string option)
    {
        try
        {
            return option switch
            {
                "off" => QuotaTable.Off,
                "default" => QuotaTable.Default(),
                _ => QuotaTable.Parse(File.ReadAllText(option)),
            };
        }
        catch (FormatException wrong)
        {
            throw Wrong(option, wrong);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OptionException($"--quotas {option} can't be read ({e.Message}); write --quotas default, --quotas off, or a file of quotas");
        }
    }

    public static OptionException Wrong(string option, FormatException wrong) =>
        new($"--quotas {option} can't be used: {wrong.Message}; nothing was started");
}
