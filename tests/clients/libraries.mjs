/* Libraries of JavaScript that people build upon, used as their own pages show it, against the cloud that CLOUD names.

   In an empty folder: npm install @aws-sdk/{client-cloudtrail,client-cognito-identity-provider,client-dynamodb,client-s3,client-sqs,lib-dynamodb,lib-storage,s3-request-presigner} \
     amazon-cognito-identity-js aws-jwt-verify dynamodb-toolbox dynamoose sqs-consumer sqs-producer
   cp libraries.mjs there; CLOUD=http://localhost:4566 node --test libraries.mjs
   It makes things that are there afterwards: give it an empty cloud. */

import assert from 'node:assert';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { CloudTrailClient, DescribeTrailsCommand } from '@aws-sdk/client-cloudtrail';
import { AdminConfirmSignUpCommand, CognitoIdentityProviderClient, CreateUserPoolClientCommand, CreateUserPoolCommand } from '@aws-sdk/client-cognito-identity-provider';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import * as cognito from 'amazon-cognito-identity-js';
import { CognitoJwtVerifier } from 'aws-jwt-verify';
import { Entity } from 'dynamodb-toolbox/entity';
import { DeleteItemCommand } from 'dynamodb-toolbox/entity/actions/delete';
import { GetItemCommand } from 'dynamodb-toolbox/entity/actions/get';
import { PutItemCommand } from 'dynamodb-toolbox/entity/actions/put';
import { $add, UpdateItemCommand } from 'dynamodb-toolbox/entity/actions/update';
import { item } from 'dynamodb-toolbox/schema/item';
import { number } from 'dynamodb-toolbox/schema/number';
import { set } from 'dynamodb-toolbox/schema/set';
import { string } from 'dynamodb-toolbox/schema/string';
import { Table } from 'dynamodb-toolbox/table';
import { QueryCommand } from 'dynamodb-toolbox/table/actions/query';
import dynamoose from 'dynamoose';
import { Consumer } from 'sqs-consumer';
import { Producer } from 'sqs-producer';

const endpoint = process.env.CLOUD ?? 'http://localhost:4566';
const place = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
globalThis.navigator ??= { userAgent: 'node' };

/* A promise of what a function with a callback says. */
const said = (begin) => new Promise((yes, no) => begin((error, answer) => (error ? no(error) : yes(answer))));
const numbers = (count) => [...Array(count).keys()];

test('a service is found by the last part of its name', async () => {
  assert.deepEqual((await new CloudTrailClient(place).send(new DescribeTrailsCommand({}))).trailList, []);
});

test('amazon-cognito-identity-js signs in with a proof, and aws-jwt-verify believes the tokens', async () => {
  const pools = new CognitoIdentityProviderClient(place);
  const pool = (await pools.send(new CreateUserPoolCommand({ PoolName: 'people' }))).UserPool.Id;
  const flows = ['ALLOW_USER_SRP_AUTH', 'ALLOW_REFRESH_TOKEN_AUTH'];
  const client = (await pools.send(new CreateUserPoolClientCommand({ UserPoolId: pool, ClientName: 'c', ExplicitAuthFlows: flows }))).UserPoolClient.ClientId;
  const people = new cognito.CognitoUserPool({ UserPoolId: pool, ClientId: client, endpoint });
  const email = new cognito.CognitoUserAttribute({ Name: 'email', Value: 'bob@example.com' });
  await said((done) => people.signUp('bob', 'Passw0rd!x', [email], null, done));
  await pools.send(new AdminConfirmSignUpCommand({ UserPoolId: pool, Username: 'bob' }));
  const bob = new cognito.CognitoUser({ Username: 'bob', Pool: people });
  const signIn = (password) => new Promise((onSuccess, onFailure) =>
    bob.authenticateUser(new cognito.AuthenticationDetails({ Username: 'bob', Password: password }), { onSuccess, onFailure }));
  await assert.rejects(signIn('wrong'), /Incorrect username or password/);
  const session = await signIn('Passw0rd!x');
  await said((done) => bob.refreshSession(session.getRefreshToken(), done));
  await said((done) => bob.changePassword('Passw0rd!x', 'Passw0rd!y', done));
  const keys = await (await fetch(`${endpoint}/${pool}/.well-known/jwks.json`)).json();
  for (const [tokenUse, token] of [['access', session.getAccessToken()], ['id', session.getIdToken()]]) {
    const verifier = CognitoJwtVerifier.create({ userPoolId: pool, tokenUse, clientId: client });
    verifier.cacheJwks(keys);
    assert.equal((await verifier.verify(token.getJwtToken())).token_use, tokenUse);
  }
  await new Promise((onSuccess, onFailure) => bob.globalSignOut({ onSuccess, onFailure }));
});

test('sqs-consumer receives each message once while it keeps them busy', async () => {
  const sqs = new SQSClient(place);
  const queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: 'orders' }))).QueueUrl;
  const producer = Producer.create({ queueUrl, sqs });
  await producer.send(numbers(25).map((each) => ({ id: `m${each}`, body: `${each}` })));
  const got = [];
  const consumer = Consumer.create({
    queueUrl, sqs, batchSize: 10, waitTimeSeconds: 1, visibilityTimeout: 2, heartbeatInterval: 1,
    handleMessageBatch: async (messages) => {
      await new Promise((done) => setTimeout(done, 2500));
      got.push(...messages.map((each) => each.Body));
      return messages;
    },
  });
  consumer.on('error', (error) => got.push(error));
  consumer.start();
  for (const end = Date.now() + 30_000; got.length < 25 && Date.now() < end;) await new Promise((done) => setTimeout(done, 100));
  consumer.stop();
  assert.deepEqual(got.map(Number).sort((one, other) => one - other), numbers(25));
});

test('dynamoose keeps, queries and changes models', async () => {
  dynamoose.aws.ddb.set(new dynamoose.aws.ddb.DynamoDB(place));
  const schema = new dynamoose.Schema({
    id: { type: String, hashKey: true }, at: { type: Number, rangeKey: true }, kind: { type: String, index: { name: 'byKind', type: 'global' } },
    tags: { type: Set, schema: [String] },
  });
  const Thing = dynamoose.model('Thing', schema);
  await new dynamoose.Table('things', [Thing], { waitForActive: true, throughput: 'ON_DEMAND', initialize: false }).initialize();
  await new Thing({ id: 'a', at: 1, kind: 'x', tags: new Set(['p']) }).save();
  await Thing.batchPut(numbers(20).map((at) => ({ id: 'b', at, kind: at % 2 ? 'odd' : 'even' })));
  await Thing.update({ id: 'a', at: 1 }, { $ADD: { tags: ['q'] } });
  assert.deepEqual([...(await Thing.get({ id: 'a', at: 1 })).tags].sort(), ['p', 'q']);
  assert.equal((await Thing.query('id').eq('b').where('at').between(3, 7).exec()).length, 5);
  assert.equal((await Thing.query('kind').eq('odd').using('byKind').all().exec()).length, 10);
  await dynamoose.transaction([Thing.transaction.create({ id: 't', at: 1, kind: 'z' }), Thing.transaction.delete({ id: 'a', at: 1 })]);
  await assert.rejects(Thing.create({ id: 't', at: 1, kind: 'z' }), /conditional request failed/i);
});

test('dynamodb-toolbox puts, updates, queries and deletes on a condition', async () => {
  const raw = new DynamoDBClient(place);
  await raw.send(new CreateTableCommand({
    TableName: 'toolbox', BillingMode: 'PAY_PER_REQUEST', KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }, { AttributeName: 'sk', KeyType: 'RANGE' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }, { AttributeName: 'sk', AttributeType: 'S' }],
  }));
  const partitionKey = { name: 'pk', type: 'string' }, sortKey = { name: 'sk', type: 'string' };
  const table = new Table({ name: 'toolbox', partitionKey, sortKey, documentClient: DynamoDBDocumentClient.from(raw) });
  const schema = item({ pk: string().key(), sk: string().key(), n: number().default(0), s: set(string()).optional() });
  const Thing = new Entity({ name: 'Thing', table, schema });
  await Thing.build(PutItemCommand).item({ pk: 'a', sk: '1', s: new Set(['x']) }).send();
  await Thing.build(UpdateItemCommand).item({ pk: 'a', sk: '1', n: $add(5) }).send();
  assert.equal((await Thing.build(GetItemCommand).key({ pk: 'a', sk: '1' }).send()).Item.n, 5);
  assert.equal((await table.build(QueryCommand).query({ partition: 'a', range: { beginsWith: '1' } }).entities(Thing).send()).Items.length, 1);
  await Thing.build(DeleteItemCommand).key({ pk: 'a', sk: '1' }).options({ condition: { attr: 'n', eq: 5 } }).send();
});

test('lib-storage sends parts and streams, and a signed address is read', async () => {
  const client = new S3Client({ ...place, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: 'parts' }));
  await new Upload({ client, params: { Bucket: 'parts', Key: 'k', Body: Buffer.alloc(12 << 20, 'a') }, partSize: 5 << 20 }).done();
  await new Upload({ client, params: { Bucket: 'parts', Key: 's', Body: Readable.from([Buffer.from('hello')]) } }).done();
  const address = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'parts', Key: 'k' }), { expiresIn: 60 });
  assert.equal((await (await fetch(address)).arrayBuffer()).byteLength, 12 << 20);
});
