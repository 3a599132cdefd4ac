using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Kagemusha.Wire;
using Tomlyn.Parsing;
using Tomlyn.Syntax;

namespace Kagemusha;

/// <summary>A configuration that cannot be used: the message says file, line, key and what to do.</summary>
internal sealed class ConfigurationException(string message) : Exception(message);

/// <summary>Parses one item of a list.</summary>
internal delegate bool TryParse<T>([NotNullWhen(true)] string? text, [MaybeNullWhen(false)] out T value);

/// <summary>
/// A flat TOML file, read key by key. Each key that the program knows is taken once; <see cref="RefuseTheRest"/> refuses what is left over,
/// so that a misspelt key is an error and not a silent default. A file that is not there has no keys.
/// </summary>
internal sealed class ConfigurationFile
{
    private readonly string _path;
    private readonly string _text;
    private readonly Dictionary<string, KeyValueSyntax> _keys = [];
    private readonly Dictionary<string, KeyValueSyntax> _taken = [];

    private ConfigurationFile(string path, string text)
    {
        _path = path;
        _text = text;
    }

    /// <exception cref="ConfigurationException">The file cannot be read or is not flat TOML.</exception>
    public static ConfigurationFile Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return new(path, "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path}: cannot be read: {e.Message}");
        }

        DocumentSyntax document;
        try
        {
            document = SyntaxParser.Parse(text, path);
        }
        catch (ArgumentException)
        {
            // The parser fails at what it wants to say of it: there is no character behind the backslash.
            throw new ConfigurationException($"{path}: the file ends at a backslash: remove it and close the text");
        }

        foreach (var message in document.Diagnostics)
        {
            throw new ConfigurationException($"{path}: line {message.Span.Start.Line + 1}: {message.Message.ReplaceLineEndings(" ")}");
        }

        foreach (var table in document.Tables)
        {
            throw new ConfigurationException($"{path}: line {Line(table)}: tables are not used here: remove [{table.Name?.ToString().Trim()}]");
        }

        var file = new ConfigurationFile(path, text);
        foreach (var entry in document.KeyValues)
        {
            var key = entry.Key!.ToString().Trim();
            if (!file._keys.TryAdd(key, entry))
            {
                throw new ConfigurationException($"{path}: line {Line(entry)}: {key} is there twice: remove one");
            }
        }

        return file;
    }

    /// <summary>The text under the key, or null.</summary>
    public string? Text(string key) => Take(key, "a text in quotes", value => (value as StringValueSyntax)?.Value);

    /// <summary>The IPv6 address under the key, or null.</summary>
    public Ipv6Address? Address(string key) => TakeValue<Ipv6Address>(
        key, "an IPv6 address in quotes", value => Ipv6Address.TryParse((value as StringValueSyntax)?.Value, out var address) ? address : null);

    /// <summary>The whole number under the key, or null.</summary>
    public int? Number(string key, int least, int most) => TakeValue<int>(
        key,
        string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"),
        value => value is IntegerValueSyntax number && number.Value >= least && number.Value <= most ? (int)number.Value : null);

    /// <summary>What is switched under the key, or null.</summary>
    public bool? Switch(string key) => TakeValue<bool>(key, "true or false", value => value is BooleanValueSyntax { Value: var isOn } ? isOn : null);

    /// <summary>The list of texts in quotes under the key, each of them parsed, or null.</summary>
    public IReadOnlyList<T>? List<T>(string key, string wanted, TryParse<T> tryParse) => Take(key, wanted, value =>
    {
        if (value is not ArraySyntax array)
        {
            return null;
        }

        var list = new List<T>();
        foreach (var item in array.Items)
        {
            if (!tryParse((item.Value as StringValueSyntax)?.Value, out var one))
            {
                return null;
            }

            list.Add(one);
        }

        return list;
    });

    /// <summary>An error about the value of a key that was taken before or is missing.</summary>
    public ConfigurationException Error(string key, string what) =>
        new(_taken.TryGetValue(key, out var entry) ? $"{_path}: line {Line(entry)}: {key}: {what}" : $"{_path}: {key}: {what}");

    /// <exception cref="ConfigurationException">The file has a key that nobody took.</exception>
    public void RefuseTheRest()
    {
        foreach (var (key, entry) in _keys)
        {
            throw new ConfigurationException($"{_path}: line {Line(entry)}: unknown key '{key}': remove it, or see the comments of the shipped file");
        }
    }

    private T? Take<T>(string key, string wanted, Func<ValueSyntax?, T?> read)
        where T : class =>
        TryTake(key, out var entry) ? read(entry.Value) ?? throw Wrong(key, entry, wanted) : null;

    private T? TakeValue<T>(string key, string wanted, Func<ValueSyntax?, T?> read)
        where T : struct =>
        TryTake(key, out var entry) ? read(entry.Value) ?? throw Wrong(key, entry, wanted) : null;

    private bool TryTake(string key, [NotNullWhen(true)] out KeyValueSyntax? entry)
    {
        if (_keys.Remove(key, out entry))
        {
            _taken.Add(key, entry);
        }

        return entry is not null;
    }

    private ConfigurationException Wrong(string key, KeyValueSyntax entry, string wanted) =>
        new($"{_path}: line {Line(entry)}: {key} must be {wanted}, not {Quote(entry.Value!.Span)}");

    // As it is written, without the comment behind it and what goes on on other lines.
    private string Quote(SourceSpan span) => _text.Substring(span.Offset, span.Length).Split('\n')[0].TrimEnd();

    private static int Line(SyntaxNode node) => node.Span.Start.Line + 1;
}
