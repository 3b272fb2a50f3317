// The webhook function's job in Node.js, as one would write it with the AWS SDK v3: what `make bench` compares with.

import { createHmac, timingSafeEqual } from "node:crypto";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const queueUrl = process.env.LIVE_QUEUE_URL;
const sqs = new SQSClient({});
const found = await new SecretsManagerClient({}).send(
  new GetSecretValueCommand({ SecretId: process.env.CREDENTIALS_SECRET_ID }),
);
const secret = JSON.parse(found.SecretString);
const keys = [...secret.webhook_secrets, secret.client_secret].filter((key) => key);
const counted = new Set(["ping", "api.request.completed"]);

const answer = (statusCode, body = "") => ({ statusCode, headers: { "content-type": "text/plain" }, body });

const count = (name, topic, now) => {
  const metric = { Namespace: "IntercomMemory", Dimensions: [["service"]], Metrics: [{ Name: name, Unit: "Count" }] };
  const about = { _aws: { Timestamp: now, CloudWatchMetrics: [metric] }, service: "webhook", topic, [name]: 1 };
  console.log(JSON.stringify(about));
};

const holds = (raw, signature) =>
  keys.some((key) => {
    const right = Buffer.from(`sha1=${createHmac("sha1", key).update(raw).digest("hex")}`);
    const given = Buffer.from(signature);
    return right.length === given.length && timingSafeEqual(right, given);
  });

export const handler = async (event) => {
  const raw = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
  if (!holds(raw, event.headers["x-hub-signature"] ?? "")) return answer(401, "the signature does not hold\n");
  const text = raw.toString();
  const notification = JSON.parse(text);
  const { topic } = notification;
  const now = Date.now();
  if (counted.has(topic)) {
    count("NotificationsCounted", topic, now);
    return answer(200);
  }
  const head = JSON.stringify({
    v: 1,
    kind: "notification",
    workspace: notification.app_id ?? null,
    id: notification.id ?? null,
    topic,
    received_at_ms: now,
    deferrals: 0,
    trace: event.headers["x-amzn-trace-id"] ?? null,
  });
  await sqs.send(
    new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: `${head.slice(0, -1)},"notification":${text}}` }),
  );
  console.log(JSON.stringify({ message: "queued", topic, id: notification.id }));
  count("NotificationsQueued", topic, now);
  return answer(200);
};
