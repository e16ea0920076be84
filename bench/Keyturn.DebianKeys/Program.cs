using System.Diagnostics;
using Keyturn.DebianKeys;

const string Usage = """
    Makes the keys that Debian's OpenSSL of 2006 to 2008 could make, and writes how each begins when hashed, for the backend to refuse them.

      debian-keys LISTS FILE [RSA-3072]

    RSA-2048, P-256 and P-384 always, RSA-3072 if named. Each list of 32,768 keys is kept in the directory LISTS once it is made, and not made
    again; FILE gets them all.
    """;
if (args is not [var lists, var file, .. var kinds] || kinds is not ([] or ["RSA-3072"]))
{
    Console.Error.WriteLine(Usage);
    return 1;
}

var all = KeyList.Of([.. KeyList.Usual, .. kinds]);
Directory.CreateDirectory(lists);
foreach (var list in all)
{
    var path = Path.Combine(lists, list.Name);
    if (File.Exists(path))
    {
        continue;
    }

    var clock = Stopwatch.StartNew();
    var hashes = list.Make([.. Enumerable.Range(0, KeyList.ProcessIds)], Environment.ProcessorCount, made =>
    {
        if (made % 1024 == 0)
        {
            Console.Error.WriteLine($"{list.Name}: {made} of {KeyList.ProcessIds} keys in {clock.Elapsed.TotalSeconds:0} s");
        }
    });
    File.WriteAllBytes(path + ".part", [.. hashes.SelectMany(hash => hash)]);
    File.Move(path + ".part", path);
}

FingerprintFile.Write(file, all.SelectMany(list => File.ReadAllBytes(Path.Combine(lists, list.Name)).Chunk(32)));
return 0;
