using Kagemusha.Control;

namespace Kagemusha.Hook.Tests;

public sealed class MandatoryAccessTests : IDisposable
{
    private const string On = "sys/module/apparmor/parameters/enabled 444 Y";
    private const string Enforced = "sys/kernel/security/apparmor/profiles 444 libvirtd (enforce)\nman_filter (enforce)\n";

    // As Debian 12 has it, shortened.
    private const string Debian = """
        etc/apparmor.d/usr.sbin.libvirtd 644 #include <tunables/global>
        profile libvirtd /usr/sbin/libvirtd flags=(attach_disconnected) {
          #include <abstractions/base>
          capability kill,
          / r,
          /** rwmkl,
          /usr/bin/* PUx, # programs
          audit deny /{usr/,}sbin/apparmor_parser rwxl,
          /etc/libvirt/hooks/** rmix,
          change_profile -> @{LIBVIRT}-[0-9a-f]*,
          profile qemu_bridge_helper {
            deny /usr/bin/* x,
          }
        }
        """;

    private readonly HostFiles _files = new();

    public static TheoryData<string[], FindingResult, string> Hosts => new()
    {
        { [], FindingResult.Ok, "is not on" },
        { ["sys/module/apparmor/parameters/enabled 444 N"], FindingResult.Ok, "is not on" },
        { [On], FindingResult.Unknown, "is on, and /sys/kernel/security is not mounted: which profiles are enforced is not known" },
        { [On, "sys/kernel/security/apparmor/profiles 444 libvirtd (complain)\nman_filter (enforce)\n"], FindingResult.Ok, "does not confine libvirt" },
        { [On, Enforced], FindingResult.Unknown, "profile libvirtd is enforced, and /etc/apparmor.d/usr.sbin.libvirtd, which would say what it allows, is not there" },
        { [On, Enforced, Debian], FindingResult.Ok, "profile libvirtd lets libvirt start the hook" },
        {
            [On, Enforced, Debian, "etc/apparmor.d/local/usr.sbin.libvirtd 644 # ours\ndeny /usr/bin/kagemusha* x,\n"],
            FindingResult.Error, "profile libvirtd does not let libvirt start /usr/bin/kagemusha-hook"
        },
        {
            [On, "sys/kernel/security/apparmor/profiles 444 virtqemud (enforce)", "etc/apparmor.d/usr.sbin.virtqemud 644 profile virtqemud {\n/etc/libvirt/hooks/* ix,\n}"],
            FindingResult.Error, "profile virtqemud does not let libvirt start /etc/libvirt/hooks/qemu.d/kagemusha and /usr/bin/kagemusha-hook"
        },
    };

    /// <summary>A rule, and whether it lets both be executed.</summary>
    public static TheoryData<string, bool> Rules => new()
    {
        { "file,", true },
        { "/** ix,", true },
        { "/{usr/bin/kagemusha-hook,etc/libvirt/hooks/qemu.d/*} PUx,", true },
        { "owner /** rwix -> &child,", true },
        { "\"/**\" Ux,", true },
        { "/**rwix,", false },
        { "/** rwmkl,", false },
        { "/* ix,", false },
        { "/???/** ix,", true },
        { "deny /** x,", false },
        { "# /** ix,", false },
        { "@{LIB}/** ix,", false },
        { "/{a,@{b}/** ix,", false },
        { "/** ix", false },
        { "/{{{** ix,", false },
        { "", false },
    };

    [Theory]
    [MemberData(nameof(Hosts))]
    public void AppArmor_s_profile_of_libvirt_says_whether_it_may_start_the_hook(string[] files, FindingResult result, string what)
    {
        var found = Assert.Single(AppArmor.Look(_files.With(files).Root));

        Assert.Equal((result, what), (found.Result, found.What));
        Assert.Equal(result == FindingResult.Error, found.Remedy is not null);
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_rule_of_a_profile_is_read(string rule, bool may)
    {
        var profile = AppArmorProfile.Parse(["profile libvirtd {", $"  {rule}", "}", "profile another {", "  # nothing", "}"], []);

        Assert.Equal((may, may), (profile.MayExecute(HookInstallation.Hook), profile.MayExecute(HookInstallation.Program)));
    }

    [Theory]
    [InlineData(null, FindingResult.Ok, "is not on")]
    [InlineData("0", FindingResult.Ok, "is permissive")]
    [InlineData("1", FindingResult.Unknown, "is enforcing, and what its policy lets libvirt start is not looked at")]
    public void SELinux_is_not_judged(string? enforce, FindingResult result, string what)
    {
        var found = Assert.Single(SeLinux.Look(_files.With(enforce is null ? [] : [$"sys/fs/selinux/enforce 644 {enforce}"]).Root));

        Assert.Equal((result, what), (found.Result, found.What));
    }

    public void Dispose() => _files.Dispose();
}
