#!/usr/bin/env bash
# The AWS CLI and mosquitto's clients, unmodified: a device is made, hears a message that the API publishes, and completes a job.
#   walk.sh THING DIRECTORY API MQTT ROOT-CA      for example: walk.sh pump2 /tmp/pump2 http://127.0.0.1:4566 localhost:8883 /tmp/cloud/root-ca.pem
set -euo pipefail
thing=$1 dir=$2 api=$3 host=${4%:*} port=${4##*:} ca=$5
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
aws() { /usr/bin/aws --endpoint-url "$api" --output text --cli-binary-format raw-in-base64-out "$@"; }
device() { "$1" -h "$host" -p "$port" --cafile "$ca" --cert "$dir/device.pem" --key "$dir/device.key" "${@:2}"; }

mkdir -p "$dir"
thing_arn=$(aws iot create-thing --thing-name "$thing" --query thingArn)
certificate=$(aws iot create-keys-and-certificate --set-as-active --certificate-pem-outfile "$dir/device.pem" \
  --private-key-outfile "$dir/device.key" --query certificateArn)
aws iot create-policy --policy-name "$thing-all" --policy-document \
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}' --query policyName
aws iot attach-policy --policy-name "$thing-all" --target "$certificate"
aws iot attach-thing-principal --thing-name "$thing" --principal "$certificate"

# A retained message waits for whoever subscribes later.
device mosquitto_pub -i "$thing" -t "news/$thing" -m "hello from $thing" -q 1 -r
device mosquitto_sub -i "$thing" -t "news/$thing" -q 1 -C 1 -W 20
aws iot-data publish --topic "news/$thing" --qos 1 --payload nothing-new

aws iot create-job --job-id "$thing-1" --targets "$thing_arn" --document '{"operation":"EXAMPLE"}' --query jobId
device mosquitto_rr -i "$thing" -t "\$aws/things/$thing/jobs/start-next" -e "\$aws/things/$thing/jobs/start-next/accepted" -m '{}' -q 1 -W 20 \
  | sed 's/.*"status":"\([A-Z_]*\)".*/\1/'
device mosquitto_pub -i "$thing" -t "\$aws/things/$thing/jobs/$thing-1/update" -m '{"status":"SUCCEEDED"}' -q 1
sleep 0.2
aws iot describe-job --job-id "$thing-1" --query job.status
