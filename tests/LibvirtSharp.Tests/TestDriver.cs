namespace LibvirtSharp.Tests;

/// <summary>libvirt's own test driver, in this process: a host of its own with one running domain and two networks.</summary>
internal sealed class TestDriver : IDisposable
{
    public const string Name = "-vm1";

    public static readonly Guid Uuid = Guid.Parse("c0ffee00-0000-4000-8000-000000000001");

    private readonly string _node = Path.GetTempFileName();

    public TestDriver()
    {
        File.WriteAllText(_node, $"""
            <node>
              {DomainXml()}
              <network><name>isolated</name><bridge name='virbr7'/></network>
              <network><name>passthrough</name><forward mode='passthrough' dev='eth9'/></network>
            </node>
            """);
        Connection = LibvirtConnection.Open("test://" + _node);
        Domain = Connection.FindByName(Name)!;
    }

    public LibvirtConnection Connection { get; }

    public LibvirtDomain Domain { get; }

    public static string DomainXml(string name = Name, string uuid = "c0ffee00-0000-4000-8000-000000000001") => $"""
        <domain type='test'>
          <name>{name}</name>
          <uuid>{uuid}</uuid>
          <memory>65536</memory>
          <os><type>hvm</type></os>
          <devices><graphics type='vnc' passwd='secret'/></devices>
        </domain>
        """;

    public void Dispose()
    {
        Domain.Dispose();
        Connection.Dispose();
        File.Delete(_node);
    }
}
