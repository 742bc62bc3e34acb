import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbVersionAttribute;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondaryPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.EnhancedGlobalSecondaryIndex;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudtrail.CloudTrailClient;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardEvent;
import software.amazon.awssdk.services.kinesis.model.SubscribeToShardResponseHandler;
import software.amazon.awssdk.services.kms.KmsClient;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;

/** AWS's SDK for Java, used as its own pages show it. Kinesis and CloudWatch are spoken to in CBOR. */
public class Libraries {
  interface Trial { void run() throws Exception; }

  static int passed = 0, failed = 0;

  static void trial(String name, Trial trial) {
    try {
      trial.run();
      passed++;
      System.out.println("ok " + name);
    } catch (Throwable error) {
      failed++;
      System.out.println("not ok " + name + ": " + error);
    }
  }

  static void same(Object one, Object other) {
    if (!one.equals(other)) throw new AssertionError(one + " is not " + other);
  }

  static <E extends Exception> void refused(Class<E> kind, Trial trial) throws Exception {
    try {
      trial.run();
    } catch (Exception error) {
      if (kind.isInstance(error)) return;
      throw error;
    }
    throw new AssertionError("not refused with " + kind.getSimpleName());
  }

  static <B extends AwsClientBuilder<B, C>, C> C here(B builder) {
    return builder.endpointOverride(URI.create(System.getenv("CLOUD"))).region(Region.US_EAST_1)
        .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"))).build();
  }

  @DynamoDbBean
  public static class Order {
    private String id, kind;
    private Integer number;
    private Set<String> tags;
    private Long version;

    @DynamoDbPartitionKey public String getId() { return id; }
    public void setId(String id) { this.id = id; }
    @DynamoDbSortKey public Integer getNumber() { return number; }
    public void setNumber(Integer number) { this.number = number; }
    @DynamoDbSecondaryPartitionKey(indexNames = "byKind") public String getKind() { return kind; }
    public void setKind(String kind) { this.kind = kind; }
    public Set<String> getTags() { return tags; }
    public void setTags(Set<String> tags) { this.tags = tags; }
    @DynamoDbVersionAttribute public Long getVersion() { return version; }
    public void setVersion(Long version) { this.version = version; }
  }

  public static void main(String[] none) {
    trial("objects are put with checksums, listed by pages and deleted", () -> {
      S3Client s3 = here(S3Client.builder().forcePathStyle(true));
      s3.createBucket(b -> b.bucket("java-one"));
      s3.putObject(b -> b.bucket("java-one").key("k ü+"), RequestBody.fromString("hello"));
      s3.putObject(b -> b.bucket("java-one").key("sha").checksumAlgorithm("SHA256"), RequestBody.fromBytes(new byte[3 << 20]));
      same("hello", s3.getObjectAsBytes(b -> b.bucket("java-one").key("k ü+")).asUtf8String());
      same(44, s3.headObject(b -> b.bucket("java-one").key("sha").checksumMode("ENABLED")).checksumSHA256().length());
      same(2L, s3.listObjectsV2Paginator(b -> b.bucket("java-one").maxKeys(1)).contents().stream().count());
      refused(NoSuchKeyException.class, () -> s3.getObject(b -> b.bucket("java-one").key("none")));
      same(2, s3.deleteObjects(b -> b.bucket("java-one").delete(d -> d.objects(o -> o.key("k ü+"), o -> o.key("sha")))).deleted().size());
    });
    trial("the asynchronous client sends and reads parts", () -> {
      S3AsyncClient s3 = here(S3AsyncClient.builder().forcePathStyle(true).multipartEnabled(true));
      s3.createBucket(b -> b.bucket("java-two")).join();
      s3.putObject(b -> b.bucket("java-two").key("big"), AsyncRequestBody.fromBytes(new byte[20 << 20])).join();
      same(20 << 20, s3.getObject(b -> b.bucket("java-two").key("big"), AsyncResponseTransformer.toBytes()).join().asByteArray().length);
    });
    trial("records of a stream are put and read in CBOR", () -> {
      KinesisClient kinesis = here(KinesisClient.builder());
      kinesis.createStream(b -> b.streamName("java").shardCount(1));
      kinesis.waiter().waitUntilStreamExists(b -> b.streamName("java"));
      kinesis.putRecord(b -> b.streamName("java").partitionKey("p").data(SdkBytes.fromUtf8String("one")));
      String at = kinesis.getShardIterator(b -> b.streamName("java").shardId("shardId-000000000000").shardIteratorType("TRIM_HORIZON")).shardIterator();
      var record = kinesis.getRecords(b -> b.shardIterator(at)).records().get(0);
      same("one", record.data().asUtf8String());
      same(0L, Duration.between(record.approximateArrivalTimestamp(), Instant.now()).abs().toMinutes());
      refused(ResourceNotFoundException.class, () -> kinesis.describeStream(b -> b.streamName("none")));
    });
    trial("a consumer subscribes to a shard over HTTP/1.1", () -> {
      KinesisAsyncClient kinesis = here(KinesisAsyncClient.builder().httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1)));
      String stream = kinesis.describeStreamSummary(b -> b.streamName("java")).join().streamDescriptionSummary().streamARN();
      String consumer = kinesis.registerStreamConsumer(b -> b.streamARN(stream).consumerName("c")).join().consumer().consumerARN();
      List<String> got = Collections.synchronizedList(new ArrayList<>());
      var handler = SubscribeToShardResponseHandler.builder().subscriber(event -> {
        if (event instanceof SubscribeToShardEvent told) told.records().forEach(each -> got.add(each.data().asUtf8String()));
      }).build();
      var asked = kinesis.subscribeToShard(
          b -> b.consumerARN(consumer).shardId("shardId-000000000000").startingPosition(p -> p.type(ShardIteratorType.TRIM_HORIZON)), handler);
      for (int tried = 0; tried < 100 && got.isEmpty() && !asked.isDone(); tried++) Thread.sleep(100);
      if (asked.isDone()) asked.join();
      same(List.of("one"), got);
    });
    trial("messages are sent, received, and sent by a batch manager", () -> {
      SqsClient sqs = here(SqsClient.builder());
      String queue = sqs.createQueue(b -> b.queueName("java")).queueUrl();
      sqs.sendMessage(b -> b.queueUrl(queue).messageBody("hi ü"));
      var message = sqs.receiveMessage(b -> b.queueUrl(queue).waitTimeSeconds(2)).messages().get(0);
      same("hi ü", message.body());
      sqs.deleteMessage(b -> b.queueUrl(queue).receiptHandle(message.receiptHandle()));
      refused(QueueDoesNotExistException.class, () -> sqs.getQueueUrl(b -> b.queueName("none")));
      SqsAsyncClient later = here(SqsAsyncClient.builder());
      try (var batches = SqsAsyncBatchManager.builder().client(later).scheduledExecutor(Executors.newScheduledThreadPool(2)).build()) {
        var sent = new ArrayList<java.util.concurrent.CompletableFuture<?>>();
        for (int number = 0; number < 15; number++) {
          String body = "b" + number;
          sent.add(batches.sendMessage(b -> b.queueUrl(queue).messageBody(body)));
        }
        sent.forEach(each -> each.join());
      }
      same("15", sqs.getQueueAttributes(b -> b.queueUrl(queue).attributeNamesWithStrings("ApproximateNumberOfMessages")).attributesAsStrings().get("ApproximateNumberOfMessages"));
    });
    trial("beans are kept in a table, with versions", () -> {
      DynamoDbClient tables = here(DynamoDbClient.builder());
      var orders = DynamoDbEnhancedClient.builder().dynamoDbClient(tables).build().table("java-orders", TableSchema.fromBean(Order.class));
      orders.createTable(b -> b.globalSecondaryIndices(EnhancedGlobalSecondaryIndex.builder().indexName("byKind").projection(p -> p.projectionType("ALL")).build()));
      tables.waiter().waitUntilTableExists(b -> b.tableName("java-orders"));
      for (int number = 0; number < 30; number++) {
        Order order = new Order();
        order.setId("a");
        order.setNumber(number);
        order.setKind(number % 2 == 0 ? "even" : "odd");
        order.setTags(Set.of("x", "y"));
        orders.putItem(order);
      }
      same(5L, orders.query(QueryConditional.sortBetween(k -> k.partitionValue("a").sortValue(3), k -> k.partitionValue("a").sortValue(7))).items().stream().count());
      same(15L, orders.index("byKind").query(QueryConditional.keyEqualTo(k -> k.partitionValue("odd"))).stream().mapToLong(page -> page.items().size()).sum());
      Order first = orders.getItem(Key.builder().partitionValue("a").sortValue(1).build());
      orders.updateItem(first);
      refused(ConditionalCheckFailedException.class, () -> orders.updateItem(first));
    });
    trial("figures are put, listed and watched", () -> {
      CloudWatchClient watch = here(CloudWatchClient.builder());
      watch.putMetricData(b -> b.namespace("java").metricData(MetricDatum.builder().metricName("m").value(2.5).timestamp(Instant.now()).build()));
      same(1, watch.listMetrics(b -> b.namespace("java")).metrics().size());
      watch.putMetricAlarm(b -> b.alarmName("java").namespace("java").metricName("m").statistic("Sum").period(60).evaluationPeriods(1).threshold(1.0)
          .comparisonOperator("GreaterThanThreshold"));
      same(1.0, watch.describeAlarms(b -> b.alarmNames("java")).metricAlarms().get(0).threshold());
    });
    trial("a key encrypts, and a service is found by the last part of its name", () -> {
      KmsClient kms = here(KmsClient.builder());
      String key = kms.createKey(b -> b.description("java")).keyMetadata().keyId();
      SdkBytes sealed = kms.encrypt(b -> b.keyId(key).plaintext(SdkBytes.fromUtf8String("secret"))).ciphertextBlob();
      same("secret", kms.decrypt(b -> b.ciphertextBlob(sealed)).plaintext().asUtf8String());
      same(0, here(CloudTrailClient.builder()).describeTrails().trailList().size());
    });
    System.out.println(passed + " passed, " + failed + " failed");
    System.exit(failed == 0 ? 0 : 1);
  }
}
