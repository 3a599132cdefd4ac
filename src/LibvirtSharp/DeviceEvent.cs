namespace LibvirtSharp;

/// <summary>A device was plugged into a running domain, or out of it: nothing else tells of that.</summary>
/// <param name="Uuid">The domain's UUID.</param>
/// <param name="Name">The domain's name.</param>
/// <param name="Alias">libvirt's name for the device, such as <c>net0</c>.</param>
/// <param name="IsThere">Whether it is in the domain now.</param>
public sealed record DeviceEvent(Guid Uuid, string Name, string Alias, bool IsThere);
