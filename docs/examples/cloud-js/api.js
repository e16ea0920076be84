// The AWS SDK for JavaScript v3: a device is made, a job is created, begun and completed, all over the APIs.
// The endpoint and the keys come from the environment, as anywhere: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as iot from '@aws-sdk/client-iot';
import { IoTDataPlaneClient, PublishCommand, UpdateThingShadowCommand } from '@aws-sdk/client-iot-data-plane';
import { IoTJobsDataPlaneClient, StartNextPendingJobExecutionCommand, UpdateJobExecutionCommand } from '@aws-sdk/client-iot-jobs-data-plane';

const [thingName, directory] = process.argv.slice(2);
const endpoint = process.env.AWS_ENDPOINT_URL;
const control = new iot.IoTClient({ endpoint });
const data = new IoTDataPlaneClient({ endpoint });
const jobs = new IoTJobsDataPlaneClient({ endpoint });

const { thingArn } = await control.send(new iot.CreateThingCommand({ thingName }));
const made = await control.send(new iot.CreateKeysAndCertificateCommand({ setAsActive: true }));
await control.send(new iot.CreatePolicyCommand({
  policyName: `${thingName}-all`,
  policyDocument: JSON.stringify({ Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'iot:*', Resource: '*' } }),
}));
await control.send(new iot.AttachPolicyCommand({ policyName: `${thingName}-all`, target: made.certificateArn }));
await control.send(new iot.AttachThingPrincipalCommand({ thingName, principal: made.certificateArn }));
await writeFile(join(directory, 'device.pem'), made.certificatePem);
await writeFile(join(directory, 'device.key'), made.keyPair.PrivateKey, { mode: 0o600 });
console.log(`${thingName} has certificate ${made.certificateId}`);

await data.send(new PublishCommand({ topic: `news/${thingName}`, qos: 1, payload: Buffer.from('hello') }));
const { payload } = await data.send(new UpdateThingShadowCommand({ thingName, payload: Buffer.from('{"state":{"desired":{"on":true}}}') }));
console.log(`shadow version ${JSON.parse(Buffer.from(payload)).version}`);

const jobId = `${thingName}-over-http`;
await control.send(new iot.CreateJobCommand({ jobId, targets: [thingArn], document: '{"operation":"EXAMPLE"}' }));
const { execution } = await jobs.send(new StartNextPendingJobExecutionCommand({ thingName }));
console.log(`${execution.jobId} is ${execution.status}: ${execution.jobDocument}`);
await jobs.send(new UpdateJobExecutionCommand({ thingName, jobId, status: 'SUCCEEDED', expectedVersion: execution.versionNumber }));
const { job } = await control.send(new iot.DescribeJobCommand({ jobId }));
console.log(`${jobId} is ${job.status}`);

// A refusal is the exception that the model names.
try {
  await control.send(new iot.DescribeThingCommand({ thingName: 'nobody' }));
} catch (refused) {
  console.log(`${refused instanceof iot.ResourceNotFoundException} ${refused.name} ${refused.$metadata.httpStatusCode}`);
}
