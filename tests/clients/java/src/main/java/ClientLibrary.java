import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/** The Kinesis Client Library reads a hundred records of two shards, by "poll" or by "subscribe". It takes a minute and more to begin. */
public class ClientLibrary {
  static <B extends AwsClientBuilder<B, C>, C> C here(B builder) {
    return builder.endpointOverride(URI.create(System.getenv("CLOUD"))).region(Region.US_EAST_1)
        .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"))).build();
  }

  static class Reader implements ShardRecordProcessor {
    private final Set<String> got;

    Reader(Set<String> got) { this.got = got; }

    public void initialize(InitializationInput input) {}
    public void leaseLost(LeaseLostInput input) {}
    public void shutdownRequested(ShutdownRequestedInput input) {}
    public void shardEnded(ShardEndedInput input) {}

    public void processRecords(ProcessRecordsInput input) {
      input.records().forEach(record -> got.add(StandardCharsets.UTF_8.decode(record.data()).toString()));
      try {
        if (!input.records().isEmpty()) input.checkpointer().checkpoint();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    }
  }

  public static void main(String[] words) throws Exception {
    String name = "library-" + words[0];
    var kinesis = here(KinesisAsyncClient.builder().httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1).maxConcurrency(100)));
    kinesis.createStream(b -> b.streamName(name).shardCount(2)).join();
    kinesis.waiter().waitUntilStreamExists(b -> b.streamName(name)).join();
    for (int number = 0; number < 100; number++) {
      String text = "record " + number;
      kinesis.putRecord(b -> b.streamName(name).partitionKey(text).data(SdkBytes.fromUtf8String(text))).join();
    }
    Set<String> got = ConcurrentHashMap.newKeySet();
    var configs = new ConfigsBuilder(
        name, name, kinesis, here(DynamoDbAsyncClient.builder()), here(CloudWatchAsyncClient.builder()), "worker", () -> new Reader(got));
    var retrieval = configs.retrievalConfig().initialPositionInStreamExtended(
        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
    if (words[0].equals("poll")) retrieval = retrieval.retrievalSpecificConfig(new PollingConfig(name, kinesis));
    var scheduler = new Scheduler(
        configs.checkpointConfig(), configs.coordinatorConfig(), configs.leaseManagementConfig(), configs.lifecycleConfig(), configs.metricsConfig(),
        configs.processorConfig(), retrieval);
    Thread thread = new Thread(scheduler);
    thread.setDaemon(true);
    thread.start();
    for (int tried = 0; tried < 1800 && got.size() < 100; tried++) Thread.sleep(100);
    scheduler.startGracefulShutdown().get(20, TimeUnit.SECONDS);
    System.out.println(got.size() + " of 100 records");
    System.exit(got.size() == 100 ? 0 : 1);
  }
}
