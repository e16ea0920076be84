using Keyturn.Device.Credentials.Pkcs11;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>Stands between the store and a real module. What it does not let through never reaches the token.</summary>
/// <param name="around">Called with each function's name before and after it; an answer other than nothing takes the function's place.</param>
internal sealed class CryptokiProxy(ICryptoki real, Func<string, bool, CryptokiResult?> around) : ICryptoki
{
    private nuint[] _handles = [];
    private byte[] _bytes = [];
    private string _label = "";
    private TokenFlags _flags;
    private nuint _handle;

    /// <summary>Added to what the token says of itself.</summary>
    public TokenFlags Flags { get; init; }

    /// <summary>Taken from what the token says of itself.</summary>
    public Func<TokenFlags> Hidden { get; init; } = () => TokenFlags.None;

    public CryptokiResult Initialize() => Through(nameof(Initialize), real.Initialize);

    public CryptokiResult Finish() => Through(nameof(Finish), real.Finish);

    public CryptokiResult GetSlots(out nuint[] slots)
    {
        var result = Through(nameof(GetSlots), () => real.GetSlots(out _handles));
        slots = _handles;
        return result;
    }

    public CryptokiResult GetTokenInfo(nuint slot, out string label, out TokenFlags flags)
    {
        var result = Through(nameof(GetTokenInfo), () => real.GetTokenInfo(slot, out _label, out _flags));
        (label, flags) = (_label, (_flags | Flags) & ~Hidden());
        return result;
    }

    public CryptokiResult GetMechanisms(nuint slot, out nuint[] mechanisms)
    {
        var result = Through(nameof(GetMechanisms), () => real.GetMechanisms(slot, out _handles));
        mechanisms = _handles;
        return result;
    }

    public CryptokiResult OpenSession(nuint slot, out nuint session)
    {
        var result = Through(nameof(OpenSession), () => real.OpenSession(slot, out _handle));
        session = _handle;
        return result;
    }

    public CryptokiResult CloseSession(nuint session) => Through(nameof(CloseSession), () => real.CloseSession(session));

    public CryptokiResult Login(nuint session, ReadOnlySpan<byte> pin)
    {
        var copy = pin.ToArray();
        return Through(nameof(Login), () => real.Login(session, copy));
    }

    public CryptokiResult FindObjects(nuint session, ReadOnlySpan<CryptokiAttribute> template, out nuint[] handles)
    {
        var copy = template.ToArray();
        var result = Through(nameof(FindObjects), () => real.FindObjects(session, copy, out _handles));
        handles = _handles;
        return result;
    }

    public CryptokiResult GetAttribute(nuint session, nuint handle, AttributeType type, out byte[]? value)
    {
        byte[]? read = null;
        var result = Through(nameof(GetAttribute), () => real.GetAttribute(session, handle, type, out read));
        value = read;
        return result;
    }

    public CryptokiResult Sign(nuint session, Mechanism mechanism, ReadOnlySpan<nuint> parameter, nuint key, ReadOnlySpan<byte> data, out byte[] signature)
    {
        var (parameters, input) = (parameter.ToArray(), data.ToArray());
        var result = Through(nameof(Sign), () => real.Sign(session, mechanism, parameters, key, input, out _bytes));
        signature = _bytes;
        return result;
    }

    public CryptokiResult SetAttributes(nuint session, nuint handle, ReadOnlySpan<CryptokiAttribute> template)
    {
        var copy = template.ToArray();
        return Through(nameof(SetAttributes), () => real.SetAttributes(session, handle, copy));
    }

    public CryptokiResult CopyObject(nuint session, nuint handle, ReadOnlySpan<CryptokiAttribute> template, out nuint made)
    {
        var copy = template.ToArray();
        var result = Through(nameof(CopyObject), () => real.CopyObject(session, handle, copy, out _handle));
        made = _handle;
        return result;
    }

    public CryptokiResult CreateObject(nuint session, ReadOnlySpan<CryptokiAttribute> template, out nuint handle)
    {
        var copy = template.ToArray();
        var result = Through(nameof(CreateObject), () => real.CreateObject(session, copy, out _handle));
        handle = _handle;
        return result;
    }

    public CryptokiResult GenerateKeyPair(
        nuint session, Mechanism mechanism, ReadOnlySpan<CryptokiAttribute> publicTemplate, ReadOnlySpan<CryptokiAttribute> privateTemplate)
    {
        var (ofPublic, ofPrivate) = (publicTemplate.ToArray(), privateTemplate.ToArray());
        return Through(nameof(GenerateKeyPair), () => real.GenerateKeyPair(session, mechanism, ofPublic, ofPrivate));
    }

    public CryptokiResult DestroyObject(nuint session, nuint handle) => Through(nameof(DestroyObject), () => real.DestroyObject(session, handle));

    private CryptokiResult Through(string name, Func<CryptokiResult> call)
    {
        if (around(name, false) is { } instead)
            return instead;
        var result = call();
        return around(name, true) ?? result;
    }
}
