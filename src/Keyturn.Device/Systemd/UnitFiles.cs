using System.Text.RegularExpressions;

namespace Keyturn.Device.Systemd;

/// <summary>
/// What keeps a rotation safe while Greengrass itself does not run: a recovery before each start of the nucleus, and a watchdog for a nucleus that never
/// comes up. Neither is required by anything: Greengrass starts whatever becomes of them.
/// </summary>
internal static partial class UnitFiles
{
    public const string Nucleus = "greengrass.service";
    public const string Recovery = "certificate-rotator-recovery.service";
    public const string Watchdog = "certificate-rotator-watchdog.service";
    public const string Timer = "certificate-rotator-watchdog.timer";

    /// <summary>A path that needs no quoting in a unit file: systemd expands %, $ and quotes in it.</summary>
    public static bool CanName(string path) => Plain().IsMatch(path);

    public static IEnumerable<(string Name, string Text)> All(string executable, string root, string journal) =>
    [
        (Recovery, $"""
            [Unit]
            Description=Finish an interrupted certificate rotation before Greengrass reads its credential
            Before={Nucleus}
            ConditionPathExists={journal}

            [Service]
            Type=oneshot
            ExecStart={executable} recover --root {root}
            TimeoutStartSec=60
            NoNewPrivileges=yes

            [Install]
            WantedBy=multi-user.target {Nucleus}

            """),
        (Watchdog, $"""
            [Unit]
            Description=Go back to the old certificate when Greengrass has not come up with the new one
            ConditionPathExists={journal}

            [Service]
            Type=oneshot
            ExecStart={executable} watchdog --root {root}
            TimeoutStartSec=60
            NoNewPrivileges=yes

            """),
        (Timer, $"""
            [Unit]
            Description=Watch a certificate rotation while Greengrass restarts

            [Timer]
            OnActiveSec=5min
            OnUnitInactiveSec=5min
            AccuracySec=30s

            [Install]
            WantedBy=timers.target

            """),
    ];

    [GeneratedRegex(@"^/[A-Za-z0-9/._@+-]*\z")]
    private static partial Regex Plain();
}
