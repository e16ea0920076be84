namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>The template can't be deployed; the message names the resource and what is wrong with it.</summary>
internal sealed class StackException(string message) : Exception(message);
