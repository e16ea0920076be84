// Reads its configuration, then asks AWS IoT for the jobs of its thing: a subscription, a publish, an answer.
import { TextDecoder } from 'node:util';
import { greengrasscoreipc } from 'aws-iot-device-sdk-v2';

const { QOS } = greengrasscoreipc.model;
const topic = `$aws/things/${process.env.AWS_IOT_THING_NAME}/jobs/get`;

const client = greengrasscoreipc.createClient();
await client.connect();

const { componentName, value } = await client.getConfiguration({ keyPath: [] });
console.log(`configuration of ${componentName}: ${JSON.stringify(value)}`);

const answers = client.subscribeToIoTCore({ topicName: `${topic}/accepted`, qos: QOS.AT_MOST_ONCE });
const answered = new Promise((resolve) => {
  answers.on('message', ({ message }) => resolve(JSON.parse(new TextDecoder().decode(message.payload))));
});
await answers.activate();
console.log(`subscribed to ${topic}/accepted`);

await client.publishToIoTCore({ topicName: topic, qos: QOS.AT_MOST_ONCE, payload: JSON.stringify({ clientToken: 'pending-jobs' }) });
const { inProgressJobs, queuedJobs } = await answered;
console.log(`${inProgressJobs.length} jobs in progress, ${queuedJobs.length} queued`);

await answers.close();
await client.close();
process.exit(0);
