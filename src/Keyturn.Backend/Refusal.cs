using Keyturn.Contracts;

namespace Keyturn.Backend;

/// <summary>Why a device gets no for an answer. One constructor each.</summary>
/// <param name="ToDo">For the operator, should the job fail of it.</param>
public sealed record Refusal(string Code, string Reason, string ToDo)
{
    private const string NothingToDo = "Nothing: the device keeps its certificate; run the job again to rotate it.";

    /// <summary>True when the same request may be granted later.</summary>
    public bool Retryable => Code is RefusalCode.TryAgain or RefusalCode.RotationOpen or RefusalCode.WrongPrincipal;

    public static Refusal Malformed(string what) =>
        new(RefusalCode.MalformedRequest, $"the request is malformed: {what}", NothingToDo);

    public static Refusal WrongClientId() =>
        new(RefusalCode.WrongClientId, "the MQTT client id is not the thing's name, nor that followed by # and a number",
            "Let the device connect with its thing name as client id.");

    public static Refusal NotTheThingsCertificate() =>
        new(RefusalCode.WrongPrincipal, "the certificate of the connection is not attached to the thing",
            "Attach the device's certificate to its thing, as exclusive.");

    public static Refusal NotExclusive() =>
        new(RefusalCode.WrongPrincipal, "the certificate of the connection is attached to the thing, but not exclusively",
            "Attach it again with thing principal type EXCLUSIVE_THING (aws iot attach-thing-principal), then run the job again.");

    public static Refusal NotActive() =>
        new(RefusalCode.WrongPrincipal, "the certificate of the connection is not ACTIVE any more",
            "If the device is sound, make its certificate ACTIVE again (aws iot update-certificate), then run the job again.");

    public static Refusal NotTheNewCertificate() =>
        new(RefusalCode.WrongPrincipal, "the connection does not use the new certificate of this rotation yet", NothingToDo);

    public static Refusal NotTheRotationsCertificate() =>
        new(RefusalCode.WrongPrincipal, "this rotation was begun with another certificate", NothingToDo);

    public static Refusal NotTheAttestedCertificate() =>
        new(RefusalCode.WrongPrincipal, "the device attests another certificate than that of its connection", NothingToDo);

    public static Refusal OldAfterCommit() =>
        new(RefusalCode.WrongPrincipal, "the device committed to a newer certificate, but this request came with the older one",
            "Find out who holds the older certificate's key. If it is not the device, make that certificate INACTIVE.");

    public static Refusal JobNotInProgress() =>
        new(RefusalCode.JobNotInProgress, "the thing has no such job execution in progress, or its job is not a rotation", NothingToDo);

    public static Refusal Csr(string what) =>
        new(RefusalCode.CsrRefused, $"the CSR was refused: {what}",
            "The device keeps its certificate, and would be refused again: change what makes its keys and requests (of the component the setting keyAlgorithm, "
            + "else the program, library or token), then run the job again.");

    public static Refusal NotSigned(string what) =>
        new(RefusalCode.CsrRefused, $"the certificate was refused: {what}",
            "See whether the stack's settings for AWS Private CA suit the authority, then run the job again; the device keeps its certificate.");

    public static Refusal KeyReused() =>
        new(RefusalCode.KeyReused, "this public key was used before in another rotation",
            "Find out why the device does not make a new key: two devices may run from the same image.");

    public static Refusal Frozen() =>
        new(RefusalCode.RotationFrozen, "two different keys asked for the certificate of this rotation",
            "Somebody else may hold the device's key. If the device is sound, create a new rotation job for it; that ends this freeze.");

    public static Refusal RotationOpen(string jobId) =>
        new(RefusalCode.RotationOpen, $"another rotation of this thing is still open, of job {jobId}", "Nothing: wait for that job to end.");

    public static Refusal UnknownCertificate(string certificateId) =>
        new(RefusalCode.UnknownCertificate,
            $"the thing has a second active certificate, {certificateId}, that was not issued by a rotation",
            $"Find out whose certificate {certificateId} is; detach it from the thing or make it INACTIVE, then run the job again.");

    public static Refusal CertificateOfAnEarlierRotation(string certificateId) =>
        new(RefusalCode.UnknownCertificate,
            $"the thing has a second active certificate, {certificateId}, of an earlier rotation that ended with neither of its two in use",
            $"If the device does not use certificate {certificateId}, detach it from the thing or make it INACTIVE, then run the job again.");

    public static Refusal UnknownRotation() =>
        new(RefusalCode.UnknownRotation, "no certificate was issued in such a rotation", NothingToDo);

    public static Refusal ClosedInFavourOfOld() =>
        new(RefusalCode.ClosedInFavourOfOld, "the rotation ended in favour of the old certificate", NothingToDo);

    public static Refusal TryAgain() =>
        new(RefusalCode.TryAgain, "a service did not answer in time; ask again",
            "Nothing if it was once; if it goes on, see the function's log for the service and its error.");

    public Rejected ToAnswer(string? clientToken, string? rotationId) =>
        new($"{RefusalCode.ReferenceText}: {Reason}", Code, Retryable ? true : null, rotationId, clientToken);
}
