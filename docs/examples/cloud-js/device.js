// The AWS IoT Device SDK v2 for JavaScript: its Jobs client over mutual TLS takes the next job and completes it.
import { createRequire } from 'node:module';
import { join } from 'node:path';

// The package is CommonJS.
const { iot, iotjobs, mqtt } = createRequire(import.meta.url)('aws-iot-device-sdk-v2');
const [thingName, directory, endpoint, rootCa] = process.argv.slice(2);
const [host, port] = endpoint.split(':');

const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder_from_path(join(directory, 'device.pem'), join(directory, 'device.key'))
  .with_certificate_authority_from_path(undefined, rootCa)
  .with_endpoint(host).with_port(Number(port)).with_client_id(thingName).with_clean_session(true).build();
const connection = new mqtt.MqttClient().new_connection(config);
await connection.connect();
console.log('connected');

const jobs = new iotjobs.IotJobsClient(connection);
const started = new Promise((resolve, reject) => {
  jobs.subscribeToStartNextPendingJobExecutionAccepted({ thingName }, mqtt.QoS.AtLeastOnce, (error, response) => (error ? reject(error) : resolve(response)));
});
const notified = new Promise((resolve) => {
  jobs.subscribeToNextJobExecutionChangedEvents({ thingName }, mqtt.QoS.AtLeastOnce, (_, event) => event && !event.execution && resolve(event));
});
await new Promise((resolve) => { setTimeout(resolve, 200); });
await jobs.publishStartNextPendingJobExecution({ thingName }, mqtt.QoS.AtLeastOnce);
const { execution } = await started;
console.log(`${execution.jobId} is ${execution.status}: ${JSON.stringify(execution.jobDocument)}`);

const updated = new Promise((resolve, reject) => {
  jobs.subscribeToUpdateJobExecutionAccepted({ thingName, jobId: execution.jobId }, mqtt.QoS.AtLeastOnce, (error, response) => (error ? reject(error) : resolve(response)));
});
await new Promise((resolve) => { setTimeout(resolve, 200); });
await jobs.publishUpdateJobExecution({
  thingName, jobId: execution.jobId, executionNumber: execution.executionNumber, expectedVersion: execution.versionNumber,
  status: iotjobs.model.JobStatus.SUCCEEDED, statusDetails: { step: 'done' },
}, mqtt.QoS.AtLeastOnce);
await updated;
await notified;
console.log('SUCCEEDED, and nothing is next');
await connection.disconnect();
