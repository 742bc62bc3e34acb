terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { project = "shop" }
  }
}
data "aws_caller_identity" "me" {}
data "aws_region" "here" {}
data "aws_partition" "p" {}

# --- DynamoDB
resource "aws_dynamodb_table" "orders" {
  name             = "orders"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "pk"
  range_key        = "sk"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"
  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "N"
  }
  attribute {
    name = "gk"
    type = "S"
  }
  global_secondary_index {
    name               = "by-gk"
    hash_key           = "gk"
    range_key          = "sk"
    projection_type    = "INCLUDE"
    non_key_attributes = ["path"]
  }
  local_secondary_index {
    name            = "local"
    range_key       = "gk"
    projection_type = "ALL"
  }
  ttl {
    attribute_name = "expires"
    enabled        = true
  }
  point_in_time_recovery { enabled = true }
  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.k.arn
  }
  tags = { Name = "orders" }
}
resource "aws_dynamodb_table" "prov" {
  name           = "prov"
  read_capacity  = 5
  write_capacity = 5
  hash_key       = "id"
  attribute {
    name = "id"
    type = "S"
  }
}
resource "aws_dynamodb_table_item" "one" {
  table_name = aws_dynamodb_table.prov.name
  hash_key   = aws_dynamodb_table.prov.hash_key
  item       = jsonencode({ id = { S = "one" }, n = { N = "1" } })
}
resource "aws_appautoscaling_target" "t" {
  max_capacity       = 20
  min_capacity       = 5
  resource_id        = "table/${aws_dynamodb_table.prov.name}"
  scalable_dimension = "dynamodb:table:ReadCapacityUnits"
  service_namespace  = "dynamodb"
}
resource "aws_appautoscaling_policy" "t" {
  name               = "read"
  policy_type        = "TargetTrackingScaling"
  resource_id        = aws_appautoscaling_target.t.resource_id
  scalable_dimension = aws_appautoscaling_target.t.scalable_dimension
  service_namespace  = aws_appautoscaling_target.t.service_namespace
  target_tracking_scaling_policy_configuration {
    predefined_metric_specification { predefined_metric_type = "DynamoDBReadCapacityUtilization" }
    target_value = 70
  }
}
# --- KMS
resource "aws_kms_key" "k" {
  description             = "shop"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Sid = "root", Effect = "Allow", Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" }, Action = "kms:*", Resource = "*" },
  { Sid = "logs", Effect = "Allow", Principal = { Service = ["logs.us-east-1.amazonaws.com", "s3.amazonaws.com", "cloudwatch.amazonaws.com", "events.amazonaws.com"] }, Action = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"], Resource = "*" }] })
}
resource "aws_kms_alias" "k" {
  name          = "alias/shop"
  target_key_id = aws_kms_key.k.key_id
}
resource "aws_kms_key" "sign" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}
resource "aws_kms_grant" "g" {
  name              = "g"
  key_id            = aws_kms_key.k.key_id
  grantee_principal = aws_iam_role.fn.arn
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
}
# --- SQS / SNS
resource "aws_sqs_queue" "dlq" {
  name                      = "dlq"
  message_retention_seconds = 1209600
}
resource "aws_sqs_queue" "q" {
  name                       = "q"
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 10
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dlq.arn, maxReceiveCount = 4 })
  kms_master_key_id          = "alias/aws/sqs"
}
resource "aws_sqs_queue_redrive_allow_policy" "dlq" {
  queue_url            = aws_sqs_queue.dlq.id
  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.q.arn] })
}
resource "aws_sqs_queue" "fifo" {
  name                        = "q.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
}
resource "aws_sqs_queue_policy" "q" {
  queue_url = aws_sqs_queue.q.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.q.arn, Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.t.arn } } },
  { Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.q.arn }] })
}
resource "aws_sns_topic" "t" {
  name              = "t"
  display_name      = "Shop"
  kms_master_key_id = aws_kms_key.k.id
  tracing_config    = "Active"
}
resource "aws_sns_topic" "f" {
  name                        = "t.fifo"
  fifo_topic                  = true
  content_based_deduplication = true
}
resource "aws_sns_topic_policy" "t" {
  arn    = aws_sns_topic.t.arn
  policy = data.aws_iam_policy_document.topic.json
}
data "aws_iam_policy_document" "topic" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.t.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com", "events.amazonaws.com", "cloudwatch.amazonaws.com"]
    }
  }
}
resource "aws_sns_topic_subscription" "s" {
  topic_arn            = aws_sns_topic.t.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.q.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ kind = ["a", "b"] })
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dlq.arn })
}
# --- IAM
resource "aws_iam_role" "fn" {
  name                 = "fn"
  path                 = "/shop/"
  assume_role_policy   = data.aws_iam_policy_document.assume.json
  max_session_duration = 7200
}
data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "states.amazonaws.com", "scheduler.amazonaws.com", "events.amazonaws.com", "firehose.amazonaws.com", "pipes.amazonaws.com", "apigateway.amazonaws.com", "appsync.amazonaws.com"]
    }
  }
}
resource "aws_iam_role_policy_attachment" "basic" {
  role       = aws_iam_role.fn.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}
resource "aws_iam_policy" "p" {
  name   = "p"
  policy = data.aws_iam_policy_document.p.json
}
data "aws_iam_policy_document" "p" {
  statement {
    actions   = ["dynamodb:*", "sqs:*", "s3:*", "kinesis:*", "kms:*", "logs:*", "lambda:InvokeFunction", "xray:*", "sns:Publish"]
    resources = ["*"]
  }
}
resource "aws_iam_role_policy_attachment" "p" {
  role       = aws_iam_role.fn.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_iam_role_policy" "inline" {
  role   = aws_iam_role.fn.id
  name   = "inline"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["events:PutEvents"], Resource = "*" }] })
}
resource "aws_iam_user" "u" {
  name          = "u"
  force_destroy = true
}
resource "aws_iam_access_key" "u" { user = aws_iam_user.u.name }
resource "aws_iam_group" "g" { name = "g" }
resource "aws_iam_user_group_membership" "m" {
  user   = aws_iam_user.u.name
  groups = [aws_iam_group.g.name]
}
resource "aws_iam_group_policy_attachment" "g" {
  group      = aws_iam_group.g.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
resource "aws_iam_instance_profile" "ip" {
  name = "ip"
  role = aws_iam_role.fn.name
}
resource "aws_iam_openid_connect_provider" "gh" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}
resource "aws_iam_account_password_policy" "pp" {
  minimum_password_length = 12
  require_symbols         = true
}
resource "aws_iam_service_linked_role" "slr" { aws_service_name = "replication.dynamodb.amazonaws.com" }
# --- S3
resource "aws_s3_bucket" "b" {
  bucket        = "shop-assets-garden"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "b" {
  bucket = aws_s3_bucket.b.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.k.arn
    }
    bucket_key_enabled = true
  }
}
resource "aws_s3_bucket_public_access_block" "b" {
  bucket                  = aws_s3_bucket.b.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_s3_bucket_lifecycle_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {
      and {
        prefix = "logs/"
        tags   = { a = "b" }
      }
    }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    expiration { days = 90 }
    noncurrent_version_expiration { noncurrent_days = 10 }
  }
  rule {
    id     = "mp"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload { days_after_initiation = 3 }
  }
}
resource "aws_s3_bucket_cors_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  cors_rule {
    allowed_methods = ["GET", "PUT"]
    allowed_origins = ["https://shop.example"]
    allowed_headers = ["*"]
    max_age_seconds = 300
  }
}
resource "aws_s3_bucket_ownership_controls" "b" {
  bucket = aws_s3_bucket.b.id
  rule { object_ownership = "BucketOwnerPreferred" }
}
resource "aws_s3_bucket_acl" "b" {
  depends_on = [aws_s3_bucket_ownership_controls.b]
  bucket     = aws_s3_bucket.b.id
  acl        = "private"
}
resource "aws_s3_bucket_policy" "b" {
  bucket = aws_s3_bucket.b.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "tls", Effect = "Deny", Principal = "*", Action = "s3:*", Resource = ["${aws_s3_bucket.b.arn}/secret/*"], Condition = { Bool = { "aws:SecureTransport" = "false" } } }] })
}
resource "aws_s3_bucket_notification" "b" {
  bucket = aws_s3_bucket.b.id
  topic {
    topic_arn     = aws_sns_topic.t.arn
    events        = ["s3:ObjectCreated:*"]
    filter_suffix = ".jpg"
  }
  lambda_function {
    lambda_function_arn = aws_lambda_function.f.arn
    events              = ["s3:ObjectRemoved:*"]
  }
  eventbridge = true
  depends_on  = [aws_sns_topic_policy.t, aws_lambda_permission.s3]
}
resource "aws_s3_bucket_logging" "b" {
  bucket        = aws_s3_bucket.b.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "log/"
}
resource "aws_s3_bucket" "logs" {
  bucket        = "shop-logs-garden"
  force_destroy = true
}
resource "aws_s3_bucket_website_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id
  index_document { suffix = "index.html" }
  error_document { key = "error.html" }
}
resource "aws_s3_bucket_intelligent_tiering_configuration" "b" {
  bucket = aws_s3_bucket.b.id
  name   = "all"
  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = 125
  }
}
resource "aws_s3_bucket_inventory" "b" {
  bucket                   = aws_s3_bucket.b.id
  name                     = "weekly"
  included_object_versions = "All"
  schedule { frequency = "Weekly" }
  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.logs.arn
    }
  }
}
resource "aws_s3_bucket_metric" "b" {
  bucket = aws_s3_bucket.b.id
  name   = "EntireBucket"
}
resource "aws_s3_object" "o" {
  bucket       = aws_s3_bucket.b.id
  key          = "index.html"
  content      = "<h1>hi</h1>"
  content_type = "text/html"
  tags         = { a = "b" }
  depends_on   = [aws_s3_bucket_versioning.b, aws_s3_bucket_server_side_encryption_configuration.b]
}
# --- Lambda
resource "aws_lambda_function" "f" {
  function_name    = "f"
  role             = aws_iam_role.fn.arn
  handler          = "index.handler"
  runtime          = "python3.12"
  architectures    = ["arm64"]
  filename         = "${path.module}/function.zip"
  source_code_hash = filebase64sha256("${path.module}/function.zip")
  memory_size      = 256
  timeout          = 10
  publish          = true
  environment { variables = { TABLE = aws_dynamodb_table.orders.name } }
  tracing_config { mode = "Active" }
  dead_letter_config { target_arn = aws_sqs_queue.dlq.arn }
  ephemeral_storage { size = 1024 }
  layers = [aws_lambda_layer_version.l.arn]
  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.f.name
    application_log_level = "INFO"
    system_log_level      = "WARN"
  }
  depends_on = [aws_iam_role_policy_attachment.p]
}
resource "aws_lambda_layer_version" "l" {
  filename            = "${path.module}/function.zip"
  layer_name          = "l"
  compatible_runtimes = ["python3.12"]
  source_code_hash    = filebase64sha256("${path.module}/function.zip")
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.f.function_name
  function_version = aws_lambda_function.f.version
}
resource "aws_lambda_permission" "api" {
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.f.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.h.execution_arn}/*/*"
}
resource "aws_lambda_permission" "s3" {
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.f.arn
  principal      = "s3.amazonaws.com"
  source_arn     = aws_s3_bucket.b.arn
  source_account = data.aws_caller_identity.me.account_id
}
resource "aws_lambda_function_url" "u" {
  function_name      = aws_lambda_function.f.function_name
  authorization_type = "AWS_IAM"
  cors {
    allow_origins = ["*"]
    allow_methods = ["GET"]
    max_age       = 60
  }
}
resource "aws_lambda_function_event_invoke_config" "e" {
  function_name                = aws_lambda_function.f.function_name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 300
  destination_config {
    on_failure { destination = aws_sqs_queue.dlq.arn }
  }
}
resource "aws_lambda_event_source_mapping" "sqs" {
  event_source_arn        = aws_sqs_queue.fifo.arn
  function_name           = aws_lambda_function.f.arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config { maximum_concurrency = 4 }
}
resource "aws_lambda_event_source_mapping" "ddb" {
  event_source_arn               = aws_dynamodb_table.orders.stream_arn
  function_name                  = aws_lambda_alias.live.arn
  starting_position              = "LATEST"
  maximum_retry_attempts         = 2
  bisect_batch_on_function_error = true
  filter_criteria {
    filter { pattern = jsonencode({ eventName = ["REMOVE"] }) }
  }
  destination_config {
    on_failure { destination_arn = aws_sqs_queue.dlq.arn }
  }
}
resource "aws_lambda_provisioned_concurrency_config" "p" {
  function_name                     = aws_lambda_function.f.function_name
  provisioned_concurrent_executions = 1
  qualifier                         = aws_lambda_alias.live.name
}
# --- Logs, CloudWatch
resource "aws_cloudwatch_log_group" "f" {
  name              = "/shop/f"
  retention_in_days = 14
  kms_key_id        = aws_kms_key.k.arn
}
resource "aws_cloudwatch_log_stream" "s" {
  name           = "s"
  log_group_name = aws_cloudwatch_log_group.f.name
}
resource "aws_cloudwatch_log_metric_filter" "m" {
  name           = "errors"
  pattern        = "ERROR"
  log_group_name = aws_cloudwatch_log_group.f.name
  metric_transformation {
    name          = "Errors"
    namespace     = "Shop"
    value         = "1"
    default_value = "0"
  }
}
resource "aws_cloudwatch_metric_alarm" "a" {
  alarm_name          = "errors"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 2
  metric_name         = "Errors"
  namespace           = "Shop"
  period              = 60
  statistic           = "Sum"
  threshold           = 1
  alarm_actions       = [aws_sns_topic.t.arn]
  treat_missing_data  = "notBreaching"
}
resource "aws_cloudwatch_metric_alarm" "math" {
  alarm_name          = "rate"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  threshold           = 10
  metric_query {
    id          = "e1"
    expression  = "m2/m1*100"
    label       = "Error Rate"
    return_data = true
  }
  metric_query {
    id = "m1"
    metric {
      metric_name = "Invocations"
      namespace   = "AWS/Lambda"
      period      = 120
      stat        = "Sum"
      dimensions  = { FunctionName = "f" }
    }
  }
  metric_query {
    id = "m2"
    metric {
      metric_name = "Errors"
      namespace   = "AWS/Lambda"
      period      = 120
      stat        = "Sum"
      dimensions  = { FunctionName = "f" }
    }
  }
}
resource "aws_cloudwatch_composite_alarm" "c" {
  alarm_name = "both"
  alarm_rule = "ALARM(${aws_cloudwatch_metric_alarm.a.alarm_name}) AND ALARM(${aws_cloudwatch_metric_alarm.math.alarm_name})"
}
resource "aws_cloudwatch_dashboard" "d" {
  dashboard_name = "shop"
  dashboard_body = jsonencode({ widgets = [{ type = "metric", x = 0, y = 0, width = 12, height = 6, properties = { metrics = [["AWS/Lambda", "Invocations"]], period = 300, stat = "Sum", region = "us-east-1", title = "x" } }] })
}
# --- EventBridge, Scheduler
resource "aws_cloudwatch_event_bus" "b" { name = "shop" }
resource "aws_cloudwatch_event_rule" "r" {
  name           = "placed"
  event_bus_name = aws_cloudwatch_event_bus.b.name
  event_pattern  = jsonencode({ source = ["shop"], "detail-type" = ["placed"] })
}
resource "aws_cloudwatch_event_target" "t" {
  rule           = aws_cloudwatch_event_rule.r.name
  event_bus_name = aws_cloudwatch_event_bus.b.name
  arn            = aws_sqs_queue.q.arn
  input_transformer {
    input_paths    = { id = "$.detail.id" }
    input_template = "{\"id\": <id>}"
  }
  dead_letter_config { arn = aws_sqs_queue.dlq.arn }
  retry_policy {
    maximum_event_age_in_seconds = 600
    maximum_retry_attempts       = 3
  }
}
resource "aws_cloudwatch_event_rule" "cron" {
  name                = "nightly"
  schedule_expression = "cron(0 3 * * ? *)"
  state               = "DISABLED"
}
resource "aws_cloudwatch_event_archive" "a" {
  name             = "arch"
  event_source_arn = aws_cloudwatch_event_bus.b.arn
  retention_days   = 3
}
resource "aws_cloudwatch_event_connection" "c" {
  name               = "conn"
  authorization_type = "API_KEY"
  auth_parameters {
    api_key {
      key   = "x-key"
      value = "secret"
    }
  }
}
resource "aws_cloudwatch_event_api_destination" "d" {
  name                             = "dest"
  invocation_endpoint              = "https://example.com/hook"
  http_method                      = "POST"
  invocation_rate_limit_per_second = 20
  connection_arn                   = aws_cloudwatch_event_connection.c.arn
}
resource "aws_scheduler_schedule_group" "g" { name = "grp" }
resource "aws_scheduler_schedule" "s" {
  name                = "s"
  group_name          = aws_scheduler_schedule_group.g.name
  schedule_expression = "rate(1 hours)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_sqs_queue.q.arn
    role_arn = aws_iam_role.fn.arn
    input    = jsonencode({ a = 1 })
  }
}
resource "aws_pipes_pipe" "p" {
  name     = "p"
  role_arn = aws_iam_role.fn.arn
  source   = aws_sqs_queue.dlq.arn
  target   = aws_sns_topic.t.arn
  source_parameters {
    sqs_queue_parameters {
      batch_size                         = 1
      maximum_batching_window_in_seconds = 2
    }
  }
}
# --- Kinesis, Firehose
resource "aws_kinesis_stream" "k" {
  name             = "k"
  retention_period = 48
  stream_mode_details { stream_mode = "ON_DEMAND" }
  encryption_type = "KMS"
  kms_key_id      = "alias/aws/kinesis"
}
resource "aws_kinesis_stream" "p" {
  name                = "kp"
  shard_count         = 2
  shard_level_metrics = ["IncomingBytes", "OutgoingBytes"]
}
resource "aws_kinesis_stream_consumer" "c" {
  name       = "c"
  stream_arn = aws_kinesis_stream.k.arn
}
resource "aws_kinesis_firehose_delivery_stream" "fh" {
  name        = "fh"
  destination = "extended_s3"
  extended_s3_configuration {
    role_arn            = aws_iam_role.fn.arn
    bucket_arn          = aws_s3_bucket.b.arn
    prefix              = "fh/!{timestamp:yyyy}/"
    error_output_prefix = "err/"
    buffering_size      = 5
    buffering_interval  = 60
    compression_format  = "GZIP"
    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.f.name
      log_stream_name = aws_cloudwatch_log_stream.s.name
    }
  }
}
# --- Step Functions
resource "aws_sfn_state_machine" "sm" {
  name       = "sm"
  role_arn   = aws_iam_role.fn.arn
  type       = "EXPRESS"
  definition = jsonencode({ StartAt = "A", States = { A = { Type = "Task", Resource = aws_lambda_function.f.arn, End = true } } })
  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.f.arn}:*"
    include_execution_data = true
    level                  = "ERROR"
  }
  tracing_configuration { enabled = true }
}
resource "aws_sfn_activity" "a" { name = "act" }
# --- Secrets, SSM
resource "aws_secretsmanager_secret" "s" {
  name                    = "shop/db"
  kms_key_id              = aws_kms_key.k.id
  recovery_window_in_days = 0
}
resource "aws_secretsmanager_secret_version" "s" {
  secret_id     = aws_secretsmanager_secret.s.id
  secret_string = jsonencode({ user = "u", password = "p" })
}
resource "aws_secretsmanager_secret_policy" "s" {
  secret_arn = aws_secretsmanager_secret.s.arn
  policy     = jsonencode({ Version = "2012-10-17", Statement = [{ Sid = "r", Effect = "Allow", Principal = { AWS = aws_iam_role.fn.arn }, Action = "secretsmanager:GetSecretValue", Resource = "*" }] })
}
resource "aws_ssm_parameter" "p" {
  name        = "/shop/p"
  type        = "String"
  value       = "v"
  description = "d"
}
resource "aws_ssm_parameter" "sec" {
  name   = "/shop/sec"
  type   = "SecureString"
  value  = "v"
  key_id = aws_kms_key.k.arn
}
# --- HTTP API
resource "aws_apigatewayv2_api" "h" {
  name          = "h"
  protocol_type = "HTTP"
  cors_configuration {
    allow_origins = ["https://a.example"]
    allow_methods = ["GET"]
    max_age       = 300
  }
}
resource "aws_apigatewayv2_integration" "i" {
  api_id                 = aws_apigatewayv2_api.h.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.f.invoke_arn
  payload_format_version = "2.0"
}
resource "aws_apigatewayv2_route" "r" {
  api_id    = aws_apigatewayv2_api.h.id
  route_key = "GET /orders/{id}"
  target    = "integrations/${aws_apigatewayv2_integration.i.id}"
}
resource "aws_apigatewayv2_route" "jwt" {
  api_id               = aws_apigatewayv2_api.h.id
  route_key            = "POST /orders"
  target               = "integrations/${aws_apigatewayv2_integration.i.id}"
  authorization_type   = "JWT"
  authorizer_id        = aws_apigatewayv2_authorizer.j.id
  authorization_scopes = ["orders/write"]
}
resource "aws_apigatewayv2_authorizer" "j" {
  api_id           = aws_apigatewayv2_api.h.id
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]
  name             = "jwt"
  jwt_configuration {
    audience = [aws_cognito_user_pool_client.c.id]
    issuer   = "https://${aws_cognito_user_pool.p.endpoint}"
  }
}
resource "aws_apigatewayv2_stage" "s" {
  api_id      = aws_apigatewayv2_api.h.id
  name        = "$default"
  auto_deploy = true
  default_route_settings {
    throttling_burst_limit = 100
    throttling_rate_limit  = 50
  }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.f.arn
    format          = jsonencode({ id = "$context.requestId" })
  }
}
# --- Cognito
resource "aws_cognito_user_pool" "p" {
  name                     = "p"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  password_policy {
    minimum_length                   = 8
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = false
    require_uppercase                = true
    temporary_password_validity_days = 7
  }
  schema {
    name                = "tenant"
    attribute_data_type = "String"
    mutable             = true
    string_attribute_constraints {
      min_length = 1
      max_length = 64
    }
  }
  mfa_configuration = "OPTIONAL"
  software_token_mfa_configuration { enabled = true }
  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }
}
resource "aws_cognito_user_pool_client" "c" {
  name                                 = "c"
  user_pool_id                         = aws_cognito_user_pool.p.id
  generate_secret                      = true
  explicit_auth_flows                  = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
  allowed_oauth_flows                  = ["client_credentials"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = ["orders/write"]
  depends_on                           = [aws_cognito_resource_server.r]
}
resource "aws_cognito_resource_server" "r" {
  identifier   = "orders"
  name         = "orders"
  user_pool_id = aws_cognito_user_pool.p.id
  scope {
    scope_name        = "write"
    scope_description = "write"
  }
}
resource "aws_cognito_user_pool_domain" "d" {
  domain       = "shop-garden"
  user_pool_id = aws_cognito_user_pool.p.id
}
resource "aws_cognito_user_group" "g" {
  name         = "admins"
  user_pool_id = aws_cognito_user_pool.p.id
  precedence   = 1
}
resource "aws_cognito_user" "u" {
  user_pool_id = aws_cognito_user_pool.p.id
  username     = "a@example.com"
  attributes   = { email = "a@example.com", email_verified = "true" }
}
resource "aws_cognito_identity_pool" "i" {
  identity_pool_name               = "pool"
  allow_unauthenticated_identities = true
  cognito_identity_providers {
    client_id               = aws_cognito_user_pool_client.c.id
    provider_name           = aws_cognito_user_pool.p.endpoint
    server_side_token_check = false
  }
}
output "api" { value = aws_apigatewayv2_api.h.api_endpoint }
output "fn_url" { value = aws_lambda_function_url.u.function_url }
resource "aws_ssm_document" "d" {
  name          = "wait"
  document_type = "Automation"
  content       = jsonencode({ schemaVersion = "0.3", mainSteps = [{ name = "wait", action = "aws:sleep", inputs = { Duration = "PT1S" } }] })
}
