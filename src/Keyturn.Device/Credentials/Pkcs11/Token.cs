using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// The token, reached anew for each piece of work: the module is initialised, a session opened and logged in, and all of it closed again. So nothing that a
/// module remembers from before (a handle of a destroyed object, a session of a token that was away) is ever relied on, and at rest nothing is held.
/// </summary>
internal sealed class Token(Func<ICryptoki> load, Pkcs11Options options, TimeProvider time)
{
    /// <summary>A module is initialised for a process, not for a caller.</summary>
    private static readonly Lock OneAtATime = new();

    /// <summary>
    /// Some modules say that anything failed while another program uses the token: tpm2-pkcs11 does when its database is locked, even of C_Initialize. That is over
    /// in milliseconds; where the token is really away, the work fails some seconds later.
    /// </summary>
    private static readonly TimeSpan[] Pauses = [.. new[] { 100, 200, 400, 800, 1500, 1500 }.Select(ms => TimeSpan.FromMilliseconds(ms))];

    private ICryptoki? _module;
    private string? _stopped;

    public static Token At(Pkcs11Options options) => new(() => Cryptoki.Load(options.Library), options, TimeProvider.System);

    /// <summary>For messages; it names no PIN.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"the token in slot {options.Slot}");

    public void Use(Action<TokenSession> work) => Use(session =>
    {
        work(session);
        return true;
    });

    /// <param name="work">Looks before it changes anything: it is done again if the token was busy, which may be after the change that it made.</param>
    /// <param name="undo">Before that, for work that can't look.</param>
    public T Use<T>(Func<TokenSession, T> work, Action? undo = null)
    {
        for (var attempt = 0; ; attempt++)
        {
            var isBegun = false;
            try
            {
                lock (OneAtATime)
                {
                    return Reach(session =>
                    {
                        isBegun = true;
                        return work(session);
                    });
                }
            }
            catch (TokenBusyException) when (attempt < Pauses.Length)
            {
                Task.Delay(Pauses[attempt], time).GetAwaiter().GetResult();
                if (isBegun)
                    undo?.Invoke();
            }
        }
    }

    private T Reach<T>(Func<TokenSession, T> work)
    {
        if (_stopped is not null)
            throw new CredentialException(_stopped);
        _module ??= load();
        var begun = _module.Initialize();
        if (begun != CryptokiResult.AlreadyInitialized)
            TokenError.Check(begun, $"initialising {options.Library}");
        try
        {
            return InSession(_module, work);
        }
        finally
        {
            _module.Finish();
        }
    }

    private T InSession<T>(ICryptoki module, Func<TokenSession, T> work)
    {
        var slot = (nuint)options.Slot;
        var found = module.GetTokenInfo(slot, out _, out var flags);
        if (found != CryptokiResult.Ok)
            throw new CredentialException(Missing(module, found));
        if (flags.HasFlag(TokenFlags.WriteProtected))
            throw new CredentialException($"{Name} is read-only, so no key can be made in it. Nothing was changed. Make it writable, or keep this device out of rotation jobs");
        TokenError.Check(module.OpenSession(slot, out var handle), $"opening a session with {Name}");
        try
        {
            if (flags.HasFlag(TokenFlags.LoginRequired))
                Login(module, handle, flags);
            return work(new TokenSession(module, slot, handle, Name));
        }
        finally
        {
            module.CloseSession(handle);
        }
    }

    /// <summary>Once refused, never tried again: each try may be the token's last.</summary>
    private void Login(ICryptoki module, nuint session, TokenFlags flags)
    {
        if (flags.HasFlag(TokenFlags.PinLocked))
            throw Stop($"the user PIN of {Name} is locked after too many wrong ones. Nothing was changed. Unlock it with the token's own tool and its SO PIN, then restart Greengrass");
        if (flags.HasFlag(TokenFlags.PinFinalTry))
            throw Stop($"{Name} allows one more try of its PIN, which this component leaves to you. Nothing was changed. Log in once with the token's own tool, then restart Greengrass");
        if (options.UserPin is null)
            throw new CredentialException($"{Name} asks for a PIN and {Pkcs11Options.Component} has no userPin. Nothing was changed. Deploy it with the PIN");
        var pin = Encoding.UTF8.GetBytes(options.UserPin);
        try
        {
            var result = module.Login(session, pin);
            if (result == CryptokiResult.PinIncorrect)
                throw Stop($"{Name} refuses the PIN. It was tried once and is not tried again; nothing was changed. Correct userPin of {Pkcs11Options.Component}, then restart Greengrass");
            if (result == CryptokiResult.PinLocked)
                throw Stop($"the user PIN of {Name} is locked after too many wrong ones. Nothing was changed. Unlock it with the token's own tool and its SO PIN, then restart Greengrass");
            // tpm2-pkcs11 takes itself for a token that was never set up while another program has its database: then there was no PIN to be tried.
            if (result == CryptokiResult.OperationNotInitialized && !flags.HasFlag(TokenFlags.Initialized))
                throw new TokenBusyException(TokenError.Describe($"logging in to {Name}", result));
            // Whatever else it says, it may have counted the try: none is made again by itself.
            if (result is not (CryptokiResult.Ok or CryptokiResult.UserAlreadyLoggedIn))
                throw new CredentialException(TokenError.Describe($"logging in to {Name}", result));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pin);
        }
    }

    private CredentialException Stop(string reason) => new(_stopped = reason);

    private string Missing(ICryptoki module, CryptokiResult found)
    {
        var tokens = new List<string>();
        if (module.GetSlots(out var slots) == CryptokiResult.Ok)
        {
            foreach (var slot in slots)
            {
                if (module.GetTokenInfo(slot, out var label, out _) == CryptokiResult.Ok)
                    tokens.Add(string.Create(CultureInfo.InvariantCulture, $"{slot} ({(label.Length == 0 ? "no label" : label)})"));
            }
        }
        return $"there is no token in slot {options.Slot} of {options.Library} ({TokenError.NameOf(found)}). Nothing was changed. "
            + (tokens.Count == 0 ? "No slot of it has one: is it plugged in, and its service running?" : $"Set slot of {Pkcs11Options.Component} to one of {string.Join(", ", tokens)}");
    }
}
