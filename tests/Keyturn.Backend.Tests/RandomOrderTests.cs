using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>
/// One device, its jobs and the functions in an order that a seed draws. However it comes, nobody is frozen or alarmed, each failed
/// rotation is told of once, one certificate stays active, and the next rotation succeeds.
/// </summary>
public sealed class RandomOrderTests
{
    [Fact]
    public async Task Whatever_the_order_it_ends_well()
    {
        List<int> bad = [];
        string? first = null;
        for (var seed = 1; seed <= 1000; seed++)
        {
            if (await FindFaultAsync(seed) is { } fault)
            {
                bad.Add(seed);
                first ??= fault;
            }
        }

        Assert.True(first is null, $"bad seeds: {string.Join(", ", bad)}\n{first}");
    }

    [Theory]
    [InlineData(1007)]
    [InlineData(1087)]
    [InlineData(1246)]
    [InlineData(1653)]
    [InlineData(1698)]
    [InlineData(2179)]
    [InlineData(2641)]
    [InlineData(12196)]
    public async Task What_was_found_is_mended(int seed)
    {
        var fault = await FindFaultAsync(seed);
        Assert.True(fault is null, fault);
    }

    private static async Task<string?> FindFaultAsync(int seed)
    {
        var order = new RandomOrder(seed);
        return await Record.ExceptionAsync(order.RunAsync) is { } exception
            ? $"seed {seed}: {exception}\n{string.Join('\n', order.Story)}"
            : null;
    }

    private enum Course
    {
        NeverAsks,
        FailsBeforeAsking,
        IsRefused,
        FailsWithCertificate,
        IsDeletedWithCertificate,
        FallsSilentCommitted,
        Succeeds,
    }

    private sealed class RandomOrder
    {
        private const int KeyOfTheLast = 7;
        private static readonly TimeSpan HalfADay = TimeSpan.FromHours(12);

        private readonly Random _random;
        private readonly Cloud _cloud;
        private readonly Invocations _functions;
        private readonly InsistentDevice _device;
        private readonly long _queuedFirst;
        private string _job = "job-1";
        private int _jobs = 1;
        private long _number = 1;
        private int _events;
        private int _failures;

        public RandomOrder(int seed)
        {
            _random = new Random(seed);
            _cloud = new Cloud(grace: _random.Chance(0.3) ? TimeSpan.FromHours(24) : default, signs: true);
            _functions = new Invocations(_cloud, _random, trouble: _random.Chance(0.4) ? 0 : 0.03);
            _device = new InsistentDevice(_cloud, _functions, _random, sendsTokens: _random.Chance(0.6), namesExecution: _random.Chance(0.6));
            _queuedFirst = _cloud.Clock.GetUtcNow().ToUnixTimeSeconds();
        }

        public List<string> Story => _functions.Story;

        private JobExecution Execution => _cloud.Executions[(Cloud.Thing, _job)];

        public async Task RunAsync()
        {
            SweepHourly();
            _cloud.Executions.Clear();
            _cloud.AddJob(_job);
            var executions = _random.Next(1, 5);
            for (var key = 0; key < executions; key++)
            {
                await _functions.WaitAsync(_random.UpTo(5));
                var status = await ExecuteAsync(_random.GetItems(Enum.GetValues<Course>(), 1)[0], key);
                End(status);
                await (status is not (JobExecution.Succeeded or JobEvent.DeletedStatus) && _random.Chance(0.5) ? RetryAsync() : BeginAnotherJobAsync());
            }

            // The last one is called off before it begins.
            _cloud.Executions.Remove((Cloud.Thing, _job));
            _functions.InPeace = true;
            await RestAsync();
            AssertRest();
            await RotateOnceMoreAsync();
        }

        /// <returns>The status that the execution ends with.</returns>
        private async Task<string> ExecuteAsync(Course course, int key)
        {
            _functions.Tell($"{_job}/{_number}: {course}");
            if (course == Course.NeverAsks)
            {
                await _functions.WaitAsync(TimeSpan.FromHours(1));
                return "TIMED_OUT";
            }

            var isServed = course >= Course.IsRefused && await _device.AskAsync(Execution, key, course == Course.IsRefused ? "none" : null);
            var isCommitted = isServed && course >= Course.FallsSilentCommitted && await CommitAsync();
            await _functions.WaitAsync(_random.UpTo(30));
            return (course, isServed, isCommitted) switch
            {
                (Course.Succeeds, _, true) => JobExecution.Succeeded,
                (Course.FallsSilentCommitted, _, true) => "TIMED_OUT",
                (Course.IsDeletedWithCertificate, true, _) => JobEvent.DeletedStatus,
                _ => "FAILED",
            };
        }

        private async Task<bool> CommitAsync()
        {
            AssertNobodyIsFrozen();
            if (!await _device.CommitAsync(Assert.Single(_cloud.Ledger.Rotations, r => r.RotationId == Rotation.IdOf(Cloud.Thing, Execution))))
            {
                return false;
            }

            if (_random.Chance(0.2))
            {
                await _functions.WaitAsync(TimeSpan.FromMinutes(14));
                await _device.AttestAsync();
            }

            return true;
        }

        private void End(string status)
        {
            _failures += status == JobExecution.Succeeded ? 0 : 1;
            Announce(status);
            if (status == JobEvent.DeletedStatus)
            {
                _cloud.Executions.Remove((Cloud.Thing, _job));
                return;
            }

            _cloud.End(_job, status);
        }

        /// <param name="deleted">After its end.</param>
        private void Announce(string status, bool deleted = false)
        {
            var now = _cloud.Clock.GetUtcNow().ToUnixTimeSeconds();
            var job = new JobEvent(Cloud.Thing, _job, status, now, $"event-{++_events}", null, null, null) { Deleted = deleted };
            var name = $"{job.EventId} of {_job}/{_number}, {status}{(deleted ? ", deleted" : "")}";
            _functions.Tell($"{name} is under way");
            Task HearAsync() => _cloud.HearAsync(job);
            _functions.Deliver(_random.UpTo(_random.Chance(0.6) ? 3 : 200), name, HearAsync);
            if (_random.Chance(0.2))
            {
                _functions.Deliver(_random.UpTo(400), $"copy of {name}", HearAsync);
            }
        }

        private async Task RetryAsync()
        {
            _cloud.AddJob(_job, number: ++_number);
            await _functions.WaitAsync(_random.UpTo(_random.Chance(0.5) ? 10 : 0));
        }

        private async Task BeginAnotherJobAsync()
        {
            if (_random.Chance(0.6))
            {
                await _functions.WaitAsync(_random.UpTo(20));
                await _device.AttestAsync();
            }

            await _functions.WaitAsync(_random.UpTo(_random.Chance(0.5) ? 9000 : 3));
            if (_random.Chance(0.3))
            {
                // Deleted, unless it was before its end, and created anew under its name, by hand.
                if (_cloud.Executions.Remove((Cloud.Thing, _job), out var over))
                {
                    Announce(over.Status, deleted: true);
                }

                await _functions.WaitAsync(TimeSpan.FromSeconds(5));
                _number = 1;
                _cloud.AddJob(_job);
                return;
            }

            (_job, _number) = ($"job-{++_jobs}", 1);
            _cloud.AddJob(_job);
            if (_random.Chance(0.1))
            {
                // Held back until now, while others ran.
                _cloud.Executions[(Cloud.Thing, _job)] = Execution with { QueuedAt = _queuedFirst };
            }
        }

        private void SweepHourly() => _functions.After(TimeSpan.FromHours(1), async () =>
        {
            await _functions.TryAsync("sweep", () => _cloud.SweepAsync());
            SweepHourly();
        });

        private async Task RestAsync()
        {
            await _functions.WaitForAllAsync();
            for (var time = TimeSpan.Zero; time < 3 * HalfADay; time += HalfADay)
            {
                await _functions.WaitAsync(HalfADay);
                await _device.AttestAsync();
            }
        }

        private void AssertRest()
        {
            AssertNobodyIsFrozen();
            Assert.All(_cloud.Notices, n => Assert.Equal(NoticeKind.RotationFailed, n.Kind));
            Assert.InRange(_cloud.Notices.Count, _failures, _failures + _functions.SentUnnoted);
            var active = _cloud.Registry.ActiveOf(Cloud.Thing).Select(c => c.Certificate.Id);
            Assert.Contains(_device.CertificateInUse, active);
            // One of the reference's kind may go back to its old certificate, which stays until the next rotation has succeeded.
            Assert.True(!_device.SendsTokens || _cloud.Registry.Certificates.Values.Count(c => c.IsActive) == 1, "another certificate is active");
        }

        private async Task RotateOnceMoreAsync()
        {
            var told = _cloud.Notices.Count;
            (_job, _number) = ("job-last", 1);
            _cloud.AddJob(_job);
            Assert.Equal(JobExecution.Succeeded, await ExecuteAsync(Course.Succeeds, KeyOfTheLast));
            End(JobExecution.Succeeded);
            await RestAsync();
            Assert.Equal(told, _cloud.Notices.Count);
            Assert.DoesNotContain(_cloud.Ledger.Rotations, r => r.IsOpen);
            Assert.Equal(_device.CertificateInUse, Assert.Single(_cloud.Registry.Certificates.Values, c => c.IsActive).Certificate.Id);
        }

        private void AssertNobodyIsFrozen() => Assert.DoesNotContain(_cloud.Ledger.Rotations, r => r.State == RotationState.Frozen);
    }
}
