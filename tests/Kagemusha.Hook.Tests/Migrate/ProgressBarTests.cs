using LibvirtSharp;

namespace Kagemusha.Hook.Tests;

public sealed class ProgressBarTests
{
    private const ulong MiB = 1 << 20;

    [Theory]
    [InlineData(1024, 1024, "[>                       ]   0 %  1024 of 1024 MiB to go, 112 MiB/s, the VM writes 3 MiB/s, pass 1")]
    [InlineData(1024, 640, "[=========>              ]  38 %  640 of 1024 MiB to go, 112 MiB/s, the VM writes 3 MiB/s, pass 1")]
    [InlineData(1024, 0, "[========================] 100 %  0 of 1024 MiB to go, 112 MiB/s, the VM writes 3 MiB/s, pass 1")]
    // Before QEMU has counted, and a guest whose devices are more than its memory.
    [InlineData(0, 0, "[>                       ]   0 %  0 of 0 MiB to go, 112 MiB/s, the VM writes 3 MiB/s, pass 1")]
    [InlineData(10, 20, "[>                       ]   0 %  20 of 10 MiB to go, 112 MiB/s, the VM writes 3 MiB/s, pass 1")]
    public void A_line_says_how_far_it_is(ulong total, ulong left, string line) => Assert.Equal(
        line, ProgressBar.Line(new(DomainJobOperation.MigrationOut, total * MiB, (total - Math.Min(total, left)) * MiB, left * MiB, 112 * MiB, 3 * MiB, 1)));
}
