namespace Kagemusha.Hook.Tests;

/// <summary>A host's files in a directory of the test's own.</summary>
internal sealed class HostFiles : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kg-doctor");

    public string Root => _directory.FullName;

    /// <summary>Makes files, from lines of <c>path mode content</c>; of <c>path -> target</c> links.</summary>
    public HostFiles With(params IEnumerable<string> files)
    {
        foreach (var line in files)
        {
            var parts = line.Split(' ', 3);
            var path = Path.Combine(Root, parts[0]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (parts[1] == "->")
            {
                File.CreateSymbolicLink(path, parts[2]);
            }
            else
            {
                File.WriteAllText(path, parts[2]);
                File.SetUnixFileMode(path, (UnixFileMode)Convert.ToInt32(parts[1], 8));
            }
        }

        return this;
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
