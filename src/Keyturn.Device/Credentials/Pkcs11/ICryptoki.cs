using System.Runtime.InteropServices;
using System.Text;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// PKCS#11 as the store calls it, so that a test can refuse, or be killed at, any one call. Each method is one function of PKCS#11, or a few of which at
/// most one changes the token.
/// </summary>
internal interface ICryptoki
{
    CryptokiResult Initialize();

    CryptokiResult Finish();

    /// <summary>Slots with a token in them.</summary>
    CryptokiResult GetSlots(out nuint[] slots);

    CryptokiResult GetTokenInfo(nuint slot, out string label, out TokenFlags flags);

    CryptokiResult GetMechanisms(nuint slot, out nuint[] mechanisms);

    CryptokiResult OpenSession(nuint slot, out nuint session);

    CryptokiResult CloseSession(nuint session);

    CryptokiResult Login(nuint session, ReadOnlySpan<byte> pin);

    CryptokiResult FindObjects(nuint session, ReadOnlySpan<CryptokiAttribute> template, out nuint[] handles);

    CryptokiResult GetAttribute(nuint session, nuint handle, AttributeType type, out byte[]? value);

    CryptokiResult Sign(nuint session, Mechanism mechanism, ReadOnlySpan<nuint> parameter, nuint key, ReadOnlySpan<byte> data, out byte[] signature);

    CryptokiResult SetAttributes(nuint session, nuint handle, ReadOnlySpan<CryptokiAttribute> template);

    CryptokiResult CopyObject(nuint session, nuint handle, ReadOnlySpan<CryptokiAttribute> template, out nuint copy);

    CryptokiResult CreateObject(nuint session, ReadOnlySpan<CryptokiAttribute> template, out nuint handle);

    CryptokiResult GenerateKeyPair(
        nuint session, Mechanism mechanism, ReadOnlySpan<CryptokiAttribute> publicTemplate, ReadOnlySpan<CryptokiAttribute> privateTemplate);

    CryptokiResult DestroyObject(nuint session, nuint handle);
}

/// <summary>A type and a value of an object, as C_FindObjects, C_CreateObject and others take them.</summary>
internal readonly record struct CryptokiAttribute(AttributeType Type, byte[] Value)
{
    public static CryptokiAttribute Of(AttributeType type, bool value) => new(type, [value ? (byte)1 : (byte)0]);

    public static CryptokiAttribute Of(AttributeType type, string value) => new(type, Encoding.UTF8.GetBytes(value));

    public static CryptokiAttribute Of(AttributeType type, nuint value) => new(type, MemoryMarshal.AsBytes(new ReadOnlySpan<nuint>(in value)).ToArray());

    public static CryptokiAttribute Of(ObjectClass value) => Of(AttributeType.Class, (nuint)value);
}

/// <summary>CKR values that mean something to us; any other is shown by its number.</summary>
internal enum CryptokiResult : uint
{
    Ok = 0,
    SlotIdInvalid = 0x3,
    GeneralError = 0x5,
    FunctionFailed = 0x6,
    AttributeReadOnly = 0x10,
    AttributeSensitive = 0x11,
    AttributeTypeInvalid = 0x12,
    AttributeValueInvalid = 0x13,
    ActionProhibited = 0x1B,
    DeviceError = 0x30,
    DeviceMemory = 0x31,
    DeviceRemoved = 0x32,
    FunctionNotSupported = 0x54,
    MechanismInvalid = 0x70,
    MechanismParamInvalid = 0x71,
    OperationNotInitialized = 0x91,
    PinIncorrect = 0xA0,
    PinInvalid = 0xA1,
    PinLengthRange = 0xA2,
    PinExpired = 0xA3,
    PinLocked = 0xA4,
    SessionClosed = 0xB0,
    SessionHandleInvalid = 0xB3,
    SessionReadOnly = 0xB5,
    TemplateInconsistent = 0xD1,
    TokenNotPresent = 0xE0,
    TokenNotRecognized = 0xE1,
    TokenWriteProtected = 0xE2,
    UserAlreadyLoggedIn = 0x100,
    UserPinNotInitialized = 0x102,
    CurveNotSupported = 0x140,
    AlreadyInitialized = 0x191,
}

[Flags]
internal enum TokenFlags : uint
{
    None = 0,
    WriteProtected = 0x2,
    LoginRequired = 0x4,
    Initialized = 0x400,
    PinCountLow = 0x10000,
    PinFinalTry = 0x20000,
    PinLocked = 0x40000,
}

internal enum ObjectClass : uint
{
    Certificate = 1,
    PublicKey = 2,
    PrivateKey = 3,
}

internal enum AttributeType : uint
{
    Class = 0x0,
    Token = 0x1,
    Private = 0x2,
    Label = 0x3,
    Value = 0x11,
    CertificateType = 0x80,
    Issuer = 0x81,
    SerialNumber = 0x82,
    KeyType = 0x100,
    Subject = 0x101,
    Id = 0x102,
    Sensitive = 0x103,
    Encrypt = 0x104,
    Decrypt = 0x105,
    Sign = 0x108,
    Verify = 0x10A,
    Modulus = 0x120,
    ModulusBits = 0x121,
    PublicExponent = 0x122,
    Extractable = 0x162,
    EcParameters = 0x180,
    EcPoint = 0x181,
}

internal enum Mechanism : uint
{
    RsaKeyPair = 0x0,
    RsaPkcs = 0x1,
    RsaRaw = 0x3,
    RsaPss = 0xD,
    EcKeyPair = 0x1040,
    Ecdsa = 0x1041,
}
