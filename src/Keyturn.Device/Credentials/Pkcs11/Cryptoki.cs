using System.Runtime.InteropServices;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// The functions of PKCS#11 v2.40 that we use, called by their pointers in the module's own list: the whole native interface. A CK_ULONG is as wide as a
/// pointer here, as everywhere but on Windows.
/// Specification: https://docs.oasis-open.org/pkcs11/pkcs11-base/v2.40/pkcs11-base-v2.40.html
/// </summary>
internal sealed unsafe class Cryptoki : ICryptoki
{
    private const nuint OsLocking = 2, SerialReadWrite = 6, User = 1;
    private const int TokenInfoSize = 256, TokenFlagsAt = 96, TokenLabelSize = 32;
    private const int MostObjects = 256;

    /// <summary>Those up to the last one that is called here.</summary>
    private const int Functions = 60;

    private readonly nint* _functions;

    /// <param name="functions">What it lists. A function that it has not is one that it does not support.</param>
    internal Cryptoki(nint* functions)
    {
        // Never freed, as the module is never unloaded.
        _functions = (nint*)NativeMemory.Alloc(Functions, (nuint)sizeof(nint));
        for (var i = 0; i < Functions; i++)
            _functions[i] = functions[i] != 0 ? functions[i] : (nint)(delegate* unmanaged<nuint>)&NotSupported;
    }

    /// <summary>Loads a module. It stays loaded: some crash when they are unloaded while a thread of theirs still runs.</summary>
    public static Cryptoki Load(string library)
    {
        nint* list;
        try
        {
            var getList = (delegate* unmanaged<nint**, nuint>)NativeLibrary.GetExport(NativeLibrary.Load(library), "C_GetFunctionList");
            if (getList(&list) != 0)
                throw new CredentialException($"{library} gives no list of its PKCS#11 functions. Nothing was changed. Check library of aws.greengrass.crypto.Pkcs11Provider");
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException)
        {
            throw new CredentialException($"{library} can't be loaded as a PKCS#11 module. Nothing was changed. Check library of aws.greengrass.crypto.Pkcs11Provider, and that the file is there and for this processor", e);
        }
        // The list begins with a version, padded to the width of a pointer.
        return new Cryptoki(list + 1);
    }

    public CryptokiResult Initialize()
    {
        var arguments = stackalloc nuint[6];
        new Span<nuint>(arguments, 6).Clear();
        arguments[4] = OsLocking;
        return (CryptokiResult)((delegate* unmanaged<nuint*, nuint>)_functions[0])(arguments);
    }

    public CryptokiResult Finish() => (CryptokiResult)((delegate* unmanaged<void*, nuint>)_functions[1])(null);

    public CryptokiResult GetSlots(out nuint[] slots)
    {
        var call = (delegate* unmanaged<byte, nuint*, nuint*, nuint>)_functions[4];
        slots = [];
        nuint count = 0;
        var result = call(1, null, &count);
        if (result != 0 || count == 0)
            return (CryptokiResult)result;
        slots = new nuint[count];
        fixed (nuint* first = slots)
            result = call(1, first, &count);
        Array.Resize(ref slots, (int)nuint.Min(count, (nuint)slots.Length));
        return (CryptokiResult)result;
    }

    public CryptokiResult GetTokenInfo(nuint slot, out string label, out TokenFlags flags)
    {
        var info = stackalloc byte[TokenInfoSize];
        new Span<byte>(info, TokenInfoSize).Clear();
        var result = ((delegate* unmanaged<nuint, byte*, nuint>)_functions[6])(slot, info);
        label = System.Text.Encoding.UTF8.GetString(info, TokenLabelSize).TrimEnd(' ', '\0');
        flags = (TokenFlags)(*(nuint*)(info + TokenFlagsAt));
        return (CryptokiResult)result;
    }

    public CryptokiResult GetMechanisms(nuint slot, out nuint[] mechanisms)
    {
        var call = (delegate* unmanaged<nuint, nuint*, nuint*, nuint>)_functions[7];
        mechanisms = [];
        nuint count = 0;
        var result = call(slot, null, &count);
        if (result != 0 || count == 0)
            return (CryptokiResult)result;
        mechanisms = new nuint[count];
        fixed (nuint* first = mechanisms)
            result = call(slot, first, &count);
        Array.Resize(ref mechanisms, (int)nuint.Min(count, (nuint)mechanisms.Length));
        return (CryptokiResult)result;
    }

    public CryptokiResult OpenSession(nuint slot, out nuint session)
    {
        nuint opened = 0;
        var result = ((delegate* unmanaged<nuint, nuint, void*, void*, nuint*, nuint>)_functions[12])(slot, SerialReadWrite, null, null, &opened);
        session = opened;
        return (CryptokiResult)result;
    }

    public CryptokiResult CloseSession(nuint session) => (CryptokiResult)((delegate* unmanaged<nuint, nuint>)_functions[13])(session);

    public CryptokiResult Login(nuint session, ReadOnlySpan<byte> pin)
    {
        fixed (byte* first = pin)
            return (CryptokiResult)((delegate* unmanaged<nuint, nuint, byte*, nuint, nuint>)_functions[18])(session, User, first, (nuint)pin.Length);
    }

    public CryptokiResult CreateObject(nuint session, ReadOnlySpan<CryptokiAttribute> template, out nuint handle)
    {
        using var native = new NativeTemplate(template);
        nuint made = 0;
        var result = ((delegate* unmanaged<nuint, nuint*, nuint, nuint*, nuint>)_functions[20])(session, native.First, native.Count, &made);
        handle = made;
        return (CryptokiResult)result;
    }

    public CryptokiResult CopyObject(nuint session, nuint handle, ReadOnlySpan<CryptokiAttribute> template, out nuint copy)
    {
        using var native = new NativeTemplate(template);
        nuint made = 0;
        var result = ((delegate* unmanaged<nuint, nuint, nuint*, nuint, nuint*, nuint>)_functions[21])(session, handle, native.First, native.Count, &made);
        copy = made;
        return (CryptokiResult)result;
    }

    public CryptokiResult DestroyObject(nuint session, nuint handle) =>
        (CryptokiResult)((delegate* unmanaged<nuint, nuint, nuint>)_functions[22])(session, handle);

    public CryptokiResult GetAttribute(nuint session, nuint handle, AttributeType type, out byte[]? value)
    {
        var call = (delegate* unmanaged<nuint, nuint, nuint*, nuint, nuint>)_functions[24];
        var attribute = stackalloc nuint[3] { (nuint)type, 0, 0 };
        value = null;
        var result = (CryptokiResult)call(session, handle, attribute, 1);
        if (result != CryptokiResult.Ok || attribute[2] == nuint.MaxValue)
            return result;
        var buffer = new byte[attribute[2]];
        fixed (byte* first = buffer)
        {
            attribute[1] = (nuint)first;
            result = (CryptokiResult)call(session, handle, attribute, 1);
        }
        value = result == CryptokiResult.Ok ? buffer[..(int)nuint.Min(attribute[2], (nuint)buffer.Length)] : null;
        return result;
    }

    public CryptokiResult SetAttributes(nuint session, nuint handle, ReadOnlySpan<CryptokiAttribute> template)
    {
        using var native = new NativeTemplate(template);
        return (CryptokiResult)((delegate* unmanaged<nuint, nuint, nuint*, nuint, nuint>)_functions[25])(session, handle, native.First, native.Count);
    }

    public CryptokiResult FindObjects(nuint session, ReadOnlySpan<CryptokiAttribute> template, out nuint[] handles)
    {
        handles = [];
        using var native = new NativeTemplate(template);
        var result = ((delegate* unmanaged<nuint, nuint*, nuint, nuint>)_functions[26])(session, native.First, native.Count);
        if (result != 0)
            return (CryptokiResult)result;
        var found = stackalloc nuint[MostObjects];
        nuint all = 0, count;
        do
        {
            // It may give fewer at a time than there is room for.
            count = 0;
            result = ((delegate* unmanaged<nuint, nuint*, nuint, nuint*, nuint>)_functions[27])(session, found + all, MostObjects - all, &count);
            all += nuint.Min(count, MostObjects - all);
        }
        while (result == 0 && count > 0 && all < MostObjects);
        ((delegate* unmanaged<nuint, nuint>)_functions[28])(session);
        handles = new Span<nuint>(found, (int)all).ToArray();
        return (CryptokiResult)result;
    }

    public CryptokiResult Sign(nuint session, Mechanism mechanism, ReadOnlySpan<nuint> parameter, nuint key, ReadOnlySpan<byte> data, out byte[] signature)
    {
        signature = [];
        fixed (nuint* parameters = parameter)
        fixed (byte* input = data)
        {
            var chosen = stackalloc nuint[3] { (nuint)mechanism, (nuint)parameters, (nuint)(parameter.Length * sizeof(nuint)) };
            var result = ((delegate* unmanaged<nuint, nuint*, nuint, nuint>)_functions[42])(session, chosen, key);
            if (result != 0)
                return (CryptokiResult)result;
            // No key of ours signs in more.
            var buffer = new byte[1024];
            nuint length = (nuint)buffer.Length;
            fixed (byte* output = buffer)
                result = ((delegate* unmanaged<nuint, byte*, nuint, byte*, nuint*, nuint>)_functions[43])(session, input, (nuint)data.Length, output, &length);
            if (length > (nuint)buffer.Length)
                return result == 0 ? CryptokiResult.FunctionFailed : (CryptokiResult)result;
            if (result == 0)
                signature = buffer[..(int)length];
            return (CryptokiResult)result;
        }
    }

    public CryptokiResult GenerateKeyPair(
        nuint session, Mechanism mechanism, ReadOnlySpan<CryptokiAttribute> publicTemplate, ReadOnlySpan<CryptokiAttribute> privateTemplate)
    {
        using var ofPublic = new NativeTemplate(publicTemplate);
        using var ofPrivate = new NativeTemplate(privateTemplate);
        var chosen = stackalloc nuint[3] { (nuint)mechanism, 0, 0 };
        nuint publicKey = 0, privateKey = 0;
        return (CryptokiResult)((delegate* unmanaged<nuint, nuint*, nuint*, nuint, nuint*, nuint, nuint*, nuint*, nuint>)_functions[59])(
            session, chosen, ofPublic.First, ofPublic.Count, ofPrivate.First, ofPrivate.Count, &publicKey, &privateKey);
    }

    /// <summary>Whatever it is called with.</summary>
    [UnmanagedCallersOnly]
    private static nuint NotSupported() => (nuint)CryptokiResult.FunctionNotSupported;

    /// <summary>CK_ATTRIBUTEs and their values in one block.</summary>
    private readonly ref struct NativeTemplate
    {
        private const int Width = 3;

        public NativeTemplate(ReadOnlySpan<CryptokiAttribute> attributes)
        {
            nuint values = 0;
            foreach (var attribute in attributes)
                values += (nuint)attribute.Value.Length;
            Count = (nuint)attributes.Length;
            First = (nuint*)NativeMemory.AllocZeroed((Count * Width * (nuint)sizeof(nuint)) + values + 1);
            var next = (byte*)(First + (Count * Width));
            for (var i = 0; i < attributes.Length; i++)
            {
                var value = attributes[i].Value;
                First[i * Width] = (nuint)attributes[i].Type;
                First[(i * Width) + 1] = (nuint)next;
                First[(i * Width) + 2] = (nuint)value.Length;
                value.AsSpan().CopyTo(new Span<byte>(next, value.Length));
                next += value.Length;
            }
        }

        public nuint* First { get; }

        public nuint Count { get; }

        public void Dispose() => NativeMemory.Free(First);
    }
}
