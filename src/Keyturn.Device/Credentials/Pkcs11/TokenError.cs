using System.Globalization;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>What a token's refusal means, and what to look at.</summary>
internal static class TokenError
{
    public static void Check(CryptokiResult result, string doing)
    {
        if (result != CryptokiResult.Ok)
            throw IsPassing(result) ? new TokenBusyException(Describe(doing, result)) : new CredentialException(Describe(doing, result));
    }

    public static string Describe(string doing, CryptokiResult result) => $"{doing} failed ({NameOf(result)}): {Advice(result)}";

    public static string NameOf(CryptokiResult result) => Enum.IsDefined(result)
        ? $"CKR_{string.Concat(result.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()))}"
        : string.Create(CultureInfo.InvariantCulture, $"CKR 0x{(uint)result:X}");

    /// <summary>It can't change labels this way; another way may do.</summary>
    public static bool IsIncapable(CryptokiResult result) => result is CryptokiResult.FunctionNotSupported or CryptokiResult.AttributeReadOnly
        or CryptokiResult.AttributeTypeInvalid or CryptokiResult.AttributeValueInvalid or CryptokiResult.ActionProhibited or CryptokiResult.TemplateInconsistent;

    /// <summary>The token was away for a moment, or its session ended.</summary>
    public static bool IsPassing(CryptokiResult result) => result is CryptokiResult.DeviceRemoved or CryptokiResult.TokenNotPresent or CryptokiResult.SessionClosed
        or CryptokiResult.SessionHandleInvalid or CryptokiResult.DeviceError or CryptokiResult.GeneralError;

    private static string Advice(CryptokiResult result) => result switch
    {
        CryptokiResult.DeviceMemory => "the token is full. Remove objects that nothing uses any more",
        CryptokiResult.TokenWriteProtected or CryptokiResult.SessionReadOnly => "the token is read-only. Make it writable",
        CryptokiResult.DeviceRemoved or CryptokiResult.TokenNotPresent or CryptokiResult.TokenNotRecognized => "the token is not there. Plug it in, and see that its service runs",
        CryptokiResult.MechanismInvalid or CryptokiResult.MechanismParamInvalid or CryptokiResult.CurveNotSupported =>
            "the token can't do that. Choose a keyAlgorithm and signingAlgorithm that it has; pkcs11-tool -M lists them",
        CryptokiResult.UserPinNotInitialized => "the token has no user PIN yet. Initialise it",
        CryptokiResult.PinExpired => "the PIN has expired. Set a new one with the token's own tool",
        CryptokiResult.PinInvalid or CryptokiResult.PinLengthRange => "the token takes no such PIN. Correct userPin of " + Pkcs11Options.Component,
        CryptokiResult.FunctionNotSupported or CryptokiResult.AttributeReadOnly or CryptokiResult.ActionProhibited => "the token does not allow that",
        _ => "see that the token's service runs and that its own tool can use it",
    };
}

/// <summary>It was away for a moment, or another program used it. What was asked for may have been done or not.</summary>
internal sealed class TokenBusyException(string message) : CredentialException(message);
