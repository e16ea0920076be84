using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Keyturn.Device.Credentials.Pkcs11;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>Modules that take liberties, as a list of functions made here.</summary>
public sealed unsafe class OddModuleTests : IDisposable
{
    private const int Functions = 60;

    private static int s_found;

    private readonly nint* _list = (nint*)NativeMemory.AllocZeroed(Functions, (nuint)sizeof(nint));

    public OddModuleTests() => s_found = 0;

    public void Dispose() => NativeMemory.Free(_list);

    [Fact]
    public void An_attribute_is_as_long_as_was_written_and_not_as_was_announced()
    {
        _list[24] = (nint)(delegate* unmanaged[Cdecl]<nuint, nuint, nuint*, nuint, nuint>)&LongAttribute;
        Assert.Equal(CryptokiResult.Ok, new Cryptoki(_list).GetAttribute(1, 1, AttributeType.Label, out var value));
        Assert.Equal("core"u8.ToArray(), value);
    }

    [Fact]
    public void Objects_that_are_found_one_by_one_are_all_found()
    {
        Find(&OneByOne);
        Assert.Equal(CryptokiResult.Ok, new Cryptoki(_list).FindObjects(1, [], out var handles));
        Assert.Equal([1, 2, 3], handles);
    }

    [Fact]
    public void More_objects_than_there_was_room_for_are_not_read()
    {
        Find(&TooMany);
        Assert.Equal(CryptokiResult.Ok, new Cryptoki(_list).FindObjects(1, [], out var handles));
        Assert.Equal(256, handles.Length);
    }

    [Fact]
    public void A_signature_longer_than_there_was_room_for_is_none()
    {
        _list[42] = (nint)(delegate* unmanaged[Cdecl]<nuint, nuint*, nuint, nuint>)&Begin;
        _list[43] = (nint)(delegate* unmanaged[Cdecl]<nuint, byte*, nuint, byte*, nuint*, nuint>)&LongSignature;
        Assert.Equal(CryptokiResult.FunctionFailed, new Cryptoki(_list).Sign(1, Mechanism.Ecdsa, [], 1, [1], out var signature));
        Assert.Empty(signature);
    }

    [Fact]
    public void A_function_that_is_not_in_the_list_is_not_supported() =>
        Assert.Equal(CryptokiResult.FunctionNotSupported, new Cryptoki(_list).CopyObject(1, 1, [], out _));

    private void Find(delegate* unmanaged[Cdecl]<nuint, nuint*, nuint, nuint*, nuint> find)
    {
        _list[26] = (nint)(delegate* unmanaged[Cdecl]<nuint, nuint*, nuint, nuint>)&Begin;
        _list[27] = (nint)find;
        _list[28] = (nint)(delegate* unmanaged[Cdecl]<nuint, nuint>)&End;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint LongAttribute(nuint session, nuint handle, nuint* attribute, nuint count)
    {
        if (attribute[1] == 0)
        {
            attribute[2] = 64;
            return 0;
        }
        "core"u8.CopyTo(new Span<byte>((void*)attribute[1], (int)attribute[2]));
        attribute[2] = 4;
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint OneByOne(nuint session, nuint* handles, nuint room, nuint* count)
    {
        *count = s_found < 3 ? 1u : 0u;
        if (*count > 0)
            handles[0] = (nuint)(++s_found);
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint TooMany(nuint session, nuint* handles, nuint room, nuint* count)
    {
        *count = s_found++ == 0 ? 300u : 0u;
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint LongSignature(nuint session, byte* data, nuint length, byte* signature, nuint* room)
    {
        *room = 4096;
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint Begin(nuint session, nuint* a, nuint b) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nuint End(nuint session) => 0;
}
