using System.Collections.Concurrent;

namespace Keyturn.LocalCloud.Iam;

/// <summary>The resource policies of DynamoDB tables.</summary>
internal sealed class TablePolicies
{
    private readonly ConcurrentDictionary<string, IamPolicy> _policies = new(StringComparer.Ordinal);

    public void Put(string tableArn, IamPolicy policy) => _policies[tableArn] = policy;

    /// <param name="arn">Of the table or of one of its indexes.</param>
    public IamPolicy? Find(string arn)
    {
        var index = arn.IndexOf("/index/", StringComparison.Ordinal);
        return _policies.GetValueOrDefault(index < 0 ? arn : arn[..index]);
    }
}
