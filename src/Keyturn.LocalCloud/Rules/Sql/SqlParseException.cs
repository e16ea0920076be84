namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>The statement can't be a rule: the message says where and why.</summary>
internal sealed class SqlParseException(string message) : Exception(message);
