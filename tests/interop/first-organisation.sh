#!/bin/sh
# The first organisation, with curl alone: three people with a phone each, 1001 to 1003, and one who is always
# on the move, 1004. Its last lines say how the phones sign in.
#
#   sh tests/interop/first-organisation.sh http://localhost:8080 "$KEY"
set -eu
URL=$1
KEY=$2

# Calls the API as the organisation; prints the answer.
api() {
  curl --silent --show-error --fail-with-body --request "$1" "$URL/v3.0/$2" \
    --header "X-Auth-Token: $TOKEN" --header 'content-type: application/json' \
    --data-binary "{\"data\":${3:-null}}"
}
# The first text of that name in an answer; of `id` it is the object's own.
field() {
  grep -o "\"$1\":\"[^\"]*" | head -1 | cut -d'"' -f4
}

TOKEN=$(curl --silent --show-error --fail-with-body --request PUT "$URL/v3.0/auth/account" \
  --header 'content-type: application/json' --data-binary "{\"data\":{\"api_key\":\"$KEY\"}}" | field auth_token)

# Its phones may call everybody. The realm is what they sign in to.
ACCOUNT=$(api GET accounts | field id)
REALM=$(api POST accounts "{\"id\":\"$ACCOUNT\",\"telephony_enabled\":true,\"country\":\"BE\"}" | field realm)
echo "realm $REALM"

# Somebody, their phone, and the number that both have.
person() {
  NUMBER=$1
  USER=$(api PUT users "{\"first_name\":\"$2\",\"last_name\":\"Example\"}" | field id)
  DEVICE=$(api PUT devices "{\"name\":\"$2\",\"owner_id\":\"$USER\",\"password\":\"correct-horse-$NUMBER\"}")
  api PUT callflows "{\"name\":\"$2\",\"numbers\":[\"$NUMBER\"],\"flow\":{\"module\":\"user\",\"data\":{\"id\":\"$USER\"}}}" >/dev/null
  echo "phone $NUMBER $(echo "$DEVICE" | field username) correct-horse-$NUMBER"
}
person 1001 Alice
person 1002 Bob
person 1003 Carol

# Dave's calls go to 1002, who takes them by pressing 1.
person 1004 Dave
FORWARD='{"enabled":true,"number":"1002","require_key_press":true,"keep_caller_id":true}'
api POST users "{\"id\":\"$USER\",\"call_forward\":$FORWARD}" >/dev/null
