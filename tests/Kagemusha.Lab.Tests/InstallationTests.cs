namespace Kagemusha.Lab.Tests;

public sealed class InstallationTests(Lab lab)
{
    private static readonly string[] Installed =
    [
        "./etc/libvirt/hooks/qemu.d/kagemusha",
        "./usr/bin/kagemusha-hook",
        "./usr/lib/systemd/system/kagemusha-ha.service",
        "./usr/lib/systemd/system/kagemushad.service",
        "./usr/sbin/kagemusha-ha",
        "./usr/sbin/kagemushad",
    ];

    [Fact]
    public void Uninstall_leaves_nothing_of_ours_but_configuration_and_state()
    {
        var scripts = Path.Combine(lab.Repository, "scripts");
        string Files() => lab.C.Shell("cd /tmp/destination; find . -type f -o -type d -empty | sort");

        lab.C.Shell($"DESTDIR=/tmp/destination {scripts}/install; echo '# edited' >/tmp/destination/etc/kagemusha/kagemushad.toml");
        var installed = Files();
        Assert.All(Installed, file => Assert.Contains(file, installed, StringComparison.Ordinal));

        lab.C.Shell($"DESTDIR=/tmp/destination {scripts}/install");
        Assert.Equal(installed, Files());
        Assert.Contains("# edited", lab.C.Shell("cat /tmp/destination/etc/kagemusha/kagemushad.toml"), StringComparison.Ordinal);

        lab.C.Shell($"DESTDIR=/tmp/destination {scripts}/uninstall");
        Assert.DoesNotContain(Files().Split('\n'), file =>
            file.Has("kagemush")
            && !file.StartsWith("./etc/kagemusha/", StringComparison.Ordinal)
            && !file.StartsWith("./var/lib/kagemusha", StringComparison.Ordinal)
            && !file.StartsWith("./var/log/kagemusha", StringComparison.Ordinal));
        Assert.Contains("./etc/kagemusha/kagemushad.toml", Files(), StringComparison.Ordinal);
    }
}
