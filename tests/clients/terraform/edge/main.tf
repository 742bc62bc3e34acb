terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region = "us-east-1"
}
provider "aws" {
  alias  = "eu"
  region = "eu-west-1"
}
data "aws_caller_identity" "me" {}
data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "apigateway.amazonaws.com", "s3.amazonaws.com", "codebuild.amazonaws.com", "codepipeline.amazonaws.com", "appsync.amazonaws.com", "config.amazonaws.com", "backup.amazonaws.com", "cloudtrail.amazonaws.com", "fis.amazonaws.com", "ssm.amazonaws.com"]
    }
  }
}
resource "aws_iam_role" "r" {
  name               = "edge"
  assume_role_policy = data.aws_iam_policy_document.assume.json
}
resource "aws_iam_role_policy" "r" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}
resource "aws_lambda_function" "f" {
  function_name = "fb"
  role          = aws_iam_role.r.arn
  handler       = "index.handler"
  runtime       = "nodejs20.x"
  filename      = "${path.module}/function.zip"
  kms_key_arn   = aws_kms_key.k.arn
  environment {
    variables = { AA = "b" }
  }
  reserved_concurrent_executions = 5
}
resource "aws_kms_key" "k" {}
# --- REST API
resource "aws_api_gateway_rest_api" "r" {
  name        = "r"
  description = "REST"
  endpoint_configuration {
    types = ["REGIONAL"]
  }
  binary_media_types = ["image/png"]
}
resource "aws_api_gateway_resource" "o" {
  rest_api_id = aws_api_gateway_rest_api.r.id
  parent_id   = aws_api_gateway_rest_api.r.root_resource_id
  path_part   = "orders"
}
resource "aws_api_gateway_method" "get" {
  rest_api_id          = aws_api_gateway_rest_api.r.id
  resource_id          = aws_api_gateway_resource.o.id
  http_method          = "GET"
  authorization        = "CUSTOM"
  authorizer_id        = aws_api_gateway_authorizer.a.id
  api_key_required     = true
  request_parameters   = { "method.request.querystring.q" = true }
  request_validator_id = aws_api_gateway_request_validator.v.id
}
resource "aws_api_gateway_integration" "get" {
  rest_api_id             = aws_api_gateway_rest_api.r.id
  resource_id             = aws_api_gateway_resource.o.id
  http_method             = aws_api_gateway_method.get.http_method
  type                    = "AWS_PROXY"
  integration_http_method = "POST"
  uri                     = aws_lambda_function.f.invoke_arn
}
resource "aws_api_gateway_method" "post" {
  rest_api_id    = aws_api_gateway_rest_api.r.id
  resource_id    = aws_api_gateway_resource.o.id
  http_method    = "POST"
  authorization  = "NONE"
  request_models = { "application/json" = aws_api_gateway_model.m.name }
}
resource "aws_api_gateway_integration" "post" {
  rest_api_id       = aws_api_gateway_rest_api.r.id
  resource_id       = aws_api_gateway_resource.o.id
  http_method       = aws_api_gateway_method.post.http_method
  type              = "MOCK"
  request_templates = { "application/json" = "{\"statusCode\": 200}" }
}
resource "aws_api_gateway_method_response" "post" {
  rest_api_id         = aws_api_gateway_rest_api.r.id
  resource_id         = aws_api_gateway_resource.o.id
  http_method         = aws_api_gateway_method.post.http_method
  status_code         = "200"
  response_models     = { "application/json" = "Empty" }
  response_parameters = { "method.response.header.x" = true }
}
resource "aws_api_gateway_integration_response" "post" {
  rest_api_id         = aws_api_gateway_rest_api.r.id
  resource_id         = aws_api_gateway_resource.o.id
  http_method         = aws_api_gateway_method.post.http_method
  status_code         = aws_api_gateway_method_response.post.status_code
  response_parameters = { "method.response.header.x" = "'y'" }
  response_templates  = { "application/json" = "{\"ok\": true}" }
  depends_on          = [aws_api_gateway_integration.post]
}
resource "aws_api_gateway_model" "m" {
  rest_api_id  = aws_api_gateway_rest_api.r.id
  name         = "Order"
  content_type = "application/json"
  schema       = jsonencode({ type = "object" })
}
resource "aws_api_gateway_request_validator" "v" {
  rest_api_id                 = aws_api_gateway_rest_api.r.id
  name                        = "v"
  validate_request_parameters = true
}
resource "aws_api_gateway_authorizer" "a" {
  rest_api_id                      = aws_api_gateway_rest_api.r.id
  name                             = "a"
  authorizer_uri                   = aws_lambda_function.f.invoke_arn
  authorizer_credentials           = aws_iam_role.r.arn
  authorizer_result_ttl_in_seconds = 60
}
resource "aws_api_gateway_gateway_response" "g" {
  rest_api_id        = aws_api_gateway_rest_api.r.id
  response_type      = "UNAUTHORIZED"
  status_code        = "401"
  response_templates = { "application/json" = "{\"message\":$context.error.messageString}" }
}
resource "aws_api_gateway_deployment" "d" {
  rest_api_id = aws_api_gateway_rest_api.r.id
  triggers    = { a = "1" }
  depends_on  = [aws_api_gateway_integration.get, aws_api_gateway_integration_response.post]
  lifecycle {
    create_before_destroy = true
  }
}
resource "aws_api_gateway_stage" "s" {
  rest_api_id          = aws_api_gateway_rest_api.r.id
  deployment_id        = aws_api_gateway_deployment.d.id
  stage_name           = "prod"
  xray_tracing_enabled = true
  variables            = { v = "1" }
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.l.arn
    format          = "$context.requestId"
  }
  depends_on = [aws_api_gateway_account.a]
}
resource "aws_api_gateway_account" "a" {
  cloudwatch_role_arn = aws_iam_role.r.arn
  depends_on          = [aws_iam_role_policy.r]
}
resource "aws_api_gateway_method_settings" "s" {
  rest_api_id = aws_api_gateway_rest_api.r.id
  stage_name  = aws_api_gateway_stage.s.stage_name
  method_path = "*/*"
  settings {
    metrics_enabled        = true
    logging_level          = "INFO"
    throttling_rate_limit  = 10
    throttling_burst_limit = 5
  }
}
resource "aws_api_gateway_usage_plan" "u" {
  name = "u"
  api_stages {
    api_id = aws_api_gateway_rest_api.r.id
    stage  = aws_api_gateway_stage.s.stage_name
  }
  quota_settings {
    limit  = 1000
    period = "MONTH"
  }
  throttle_settings {
    burst_limit = 5
    rate_limit  = 10
  }
}
resource "aws_api_gateway_api_key" "k" {
  name = "k"
}
resource "aws_api_gateway_usage_plan_key" "k" {
  key_id        = aws_api_gateway_api_key.k.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.u.id
}
resource "aws_api_gateway_rest_api" "spec" {
  name = "spec"
  body = jsonencode({ openapi = "3.0.1", info = { title = "spec", version = "1" }, paths = { "/x" = { get = { "x-amazon-apigateway-integration" = { type = "HTTP_PROXY", httpMethod = "GET", uri = "https://example.com", payloadFormatVersion = "1.0" } } } } })
}
resource "aws_cloudwatch_log_group" "l" {
  name = "api"
}
resource "aws_cloudwatch_log_subscription_filter" "s" {
  name            = "s"
  log_group_name  = aws_cloudwatch_log_group.l.name
  filter_pattern  = ""
  destination_arn = aws_kinesis_stream.k.arn
  role_arn        = aws_iam_role.logs.arn
  depends_on      = [aws_iam_role_policy.logs]
}
resource "aws_iam_role" "logs" {
  name               = "logs-b"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "logs.amazonaws.com" }, Action = "sts:AssumeRole" }] })
}
resource "aws_iam_role_policy" "logs" {
  role   = aws_iam_role.logs.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "kinesis:*", Resource = "*" }] })
}
resource "aws_kinesis_stream" "k" {
  name                = "kb"
  shard_count         = 1
  shard_level_metrics = ["IncomingBytes", "OutgoingBytes"]
}
resource "aws_cloudwatch_query_definition" "q" {
  name            = "q"
  log_group_names = [aws_cloudwatch_log_group.l.name]
  query_string    = "fields @timestamp | limit 20"
}
resource "aws_cloudwatch_log_resource_policy" "p" {
  policy_name     = "p"
  policy_document = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "route53.amazonaws.com" }, Action = ["logs:PutLogEvents", "logs:CreateLogStream"], Resource = "arn:aws:logs:*:*:log-group:/aws/route53/*" }] })
}
# --- Websocket API
resource "aws_apigatewayv2_api" "ws" {
  name                       = "ws"
  protocol_type              = "WEBSOCKET"
  route_selection_expression = "$request.body.action"
}
resource "aws_apigatewayv2_integration" "ws" {
  api_id           = aws_apigatewayv2_api.ws.id
  integration_type = "AWS_PROXY"
  integration_uri  = aws_lambda_function.f.invoke_arn
}
resource "aws_apigatewayv2_route" "ws" {
  for_each  = toset(["$connect", "$disconnect", "$default", "send"])
  api_id    = aws_apigatewayv2_api.ws.id
  route_key = each.value
  target    = "integrations/${aws_apigatewayv2_integration.ws.id}"
}
resource "aws_apigatewayv2_deployment" "ws" {
  api_id     = aws_apigatewayv2_api.ws.id
  depends_on = [aws_apigatewayv2_route.ws]
}
resource "aws_apigatewayv2_stage" "ws" {
  api_id        = aws_apigatewayv2_api.ws.id
  name          = "v1"
  deployment_id = aws_apigatewayv2_deployment.ws.id
}
# --- Route 53, ACM, CloudFront
resource "aws_route53_zone" "z" {
  name = "shop.test"
}
resource "aws_route53_record" "a" {
  zone_id        = aws_route53_zone.z.zone_id
  name           = "www"
  type           = "A"
  ttl            = 60
  records        = ["192.0.2.1"]
  set_identifier = "p"
  failover_routing_policy {
    type = "PRIMARY"
  }
  health_check_id = aws_route53_health_check.h.id
}
resource "aws_route53_record" "w" {
  zone_id        = aws_route53_zone.z.zone_id
  name           = "w.shop.test"
  type           = "CNAME"
  ttl            = 60
  records        = ["a.example."]
  set_identifier = "1"
  weighted_routing_policy {
    weight = 10
  }
}
resource "aws_route53_health_check" "h" {
  fqdn              = "localhost"
  port              = 4566
  type              = "HTTP"
  resource_path     = "/_kumoniwa/health"
  failure_threshold = 3
  request_interval  = 30
  tags              = { Name = "h" }
}
resource "aws_acm_certificate" "c" {
  domain_name               = "shop.test"
  subject_alternative_names = ["*.shop.test"]
  validation_method         = "DNS"
  lifecycle {
    create_before_destroy = true
  }
}
resource "aws_route53_record" "v" {
  for_each = {
    for o in aws_acm_certificate.c.domain_validation_options : o.domain_name => o if o.domain_name == "shop.test"
  }
  zone_id         = aws_route53_zone.z.zone_id
  name            = each.value.resource_record_name
  type            = each.value.resource_record_type
  records         = [each.value.resource_record_value]
  ttl             = 60
  allow_overwrite = true
}
resource "aws_acm_certificate_validation" "v" {
  certificate_arn         = aws_acm_certificate.c.arn
  validation_record_fqdns = [for r in aws_route53_record.v : r.fqdn]
}
resource "aws_s3_bucket" "site" {
  bucket        = "site-garden"
  force_destroy = true
}
resource "aws_cloudfront_origin_access_control" "o" {
  name                              = "oac"
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}
resource "aws_cloudfront_function" "f" {
  name    = "cf"
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = "function handler(event) { return event.request; }"
}
resource "aws_cloudfront_cache_policy" "p" {
  name        = "cp"
  default_ttl = 50
  max_ttl     = 100
  min_ttl     = 1
  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config {
      cookie_behavior = "none"
    }
    headers_config {
      header_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "all"
    }
  }
}
resource "aws_cloudfront_response_headers_policy" "h" {
  name = "rh"
  security_headers_config {
    content_type_options {
      override = true
    }
    strict_transport_security {
      access_control_max_age_sec = 600
      override                   = true
    }
  }
}
resource "aws_cloudfront_distribution" "d" {
  enabled             = true
  comment             = "shop"
  default_root_object = "index.html"
  aliases             = ["www.shop.test"]
  price_class         = "PriceClass_100"
  origin {
    domain_name              = aws_s3_bucket.site.bucket_regional_domain_name
    origin_id                = "s3"
    origin_access_control_id = aws_cloudfront_origin_access_control.o.id
  }
  default_cache_behavior {
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    target_origin_id           = "s3"
    viewer_protocol_policy     = "redirect-to-https"
    cache_policy_id            = aws_cloudfront_cache_policy.p.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.h.id
    compress                   = true
    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.f.arn
    }
  }
  ordered_cache_behavior {
    path_pattern           = "/api/*"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    target_origin_id       = "s3"
    viewer_protocol_policy = "https-only"
    forwarded_values {
      query_string = true
      cookies {
        forward = "none"
      }
    }
    min_ttl     = 0
    default_ttl = 3600
    max_ttl     = 86400
  }
  custom_error_response {
    error_code         = 404
    response_code      = 200
    response_page_path = "/index.html"
  }
  restrictions {
    geo_restriction {
      restriction_type = "whitelist"
      locations        = ["US", "DE"]
    }
  }
  viewer_certificate {
    acm_certificate_arn      = aws_acm_certificate_validation.v.certificate_arn
    ssl_support_method       = "sni-only"
    minimum_protocol_version = "TLSv1.2_2021"
  }
}
resource "aws_route53_record" "alias" {
  zone_id = aws_route53_zone.z.zone_id
  name    = "cdn.shop.test"
  type    = "A"
  alias {
    name                   = aws_cloudfront_distribution.d.domain_name
    zone_id                = aws_cloudfront_distribution.d.hosted_zone_id
    evaluate_target_health = false
  }
}
# --- WAF
resource "aws_wafv2_ip_set" "i" {
  name               = "i"
  scope              = "REGIONAL"
  ip_address_version = "IPV4"
  addresses          = ["192.0.2.0/24"]
}
resource "aws_wafv2_web_acl" "w" {
  name  = "w"
  scope = "REGIONAL"
  default_action {
    allow {}
  }
  rule {
    name     = "ip"
    priority = 1
    action {
      block {}
    }
    statement {
      ip_set_reference_statement {
        arn = aws_wafv2_ip_set.i.arn
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "ip"
      sampled_requests_enabled   = true
    }
  }
  rule {
    name     = "common"
    priority = 2
    override_action {
      none {}
    }
    statement {
      managed_rule_group_statement {
        name        = "AWSManagedRulesCommonRuleSet"
        vendor_name = "AWS"
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = true
      metric_name                = "common"
      sampled_requests_enabled   = true
    }
  }
  rule {
    name     = "rate"
    priority = 3
    action {
      count {}
    }
    statement {
      rate_based_statement {
        limit              = 1000
        aggregate_key_type = "IP"
      }
    }
    visibility_config {
      cloudwatch_metrics_enabled = false
      metric_name                = "rate"
      sampled_requests_enabled   = false
    }
  }
  visibility_config {
    cloudwatch_metrics_enabled = true
    metric_name                = "w"
    sampled_requests_enabled   = true
  }
}
resource "aws_wafv2_web_acl_association" "a" {
  resource_arn = aws_api_gateway_stage.s.arn
  web_acl_arn  = aws_wafv2_web_acl.w.arn
}
# --- Replication
resource "aws_dynamodb_table" "g" {
  name             = "global"
  hash_key         = "id"
  billing_mode     = "PAY_PER_REQUEST"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"
  attribute {
    name = "id"
    type = "S"
  }
  replica {
    region_name = "eu-west-1"
  }
}
resource "aws_s3_bucket" "src" {
  bucket = "src-garden"
}
resource "aws_s3_bucket_versioning" "src" {
  bucket = aws_s3_bucket.src.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_s3_bucket" "dst" {
  provider = aws.eu
  bucket   = "dst-garden"
}
resource "aws_s3_bucket_versioning" "dst" {
  provider = aws.eu
  bucket   = aws_s3_bucket.dst.id
  versioning_configuration {
    status = "Enabled"
  }
}
resource "aws_s3_bucket_replication_configuration" "r" {
  depends_on = [aws_s3_bucket_versioning.src, aws_s3_bucket_versioning.dst]
  role       = aws_iam_role.r.arn
  bucket     = aws_s3_bucket.src.id
  rule {
    id     = "all"
    status = "Enabled"
    filter {
      prefix = "a/"
    }
    delete_marker_replication {
      status = "Enabled"
    }
    destination {
      bucket        = aws_s3_bucket.dst.arn
      storage_class = "STANDARD"
    }
  }
}
resource "aws_s3_bucket" "locked" {
  bucket              = "locked-garden"
  object_lock_enabled = true
}
resource "aws_s3_bucket_object_lock_configuration" "l" {
  bucket = aws_s3_bucket.locked.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 1
    }
  }
}
resource "aws_s3_bucket_request_payment_configuration" "p" {
  bucket = aws_s3_bucket.locked.id
  payer  = "Requester"
}
resource "aws_s3_bucket_accelerate_configuration" "x" {
  bucket = aws_s3_bucket.src.id
  status = "Enabled"
}
resource "aws_s3_access_point" "ap" {
  bucket = aws_s3_bucket.src.id
  name   = "points"
}
resource "aws_kms_key" "mr" {
  multi_region            = true
  deletion_window_in_days = 7
}
resource "aws_kms_replica_key" "mr" {
  provider                = aws.eu
  primary_key_arn         = aws_kms_key.mr.arn
  deletion_window_in_days = 7
}
resource "aws_secretsmanager_secret" "rep" {
  name                    = "rep"
  recovery_window_in_days = 0
  replica {
    region = "eu-west-1"
  }
}
# --- AppSync, Cognito extras
resource "aws_appsync_graphql_api" "g" {
  name                = "g"
  authentication_type = "API_KEY"
  schema              = "type Query { hello: String }\nschema { query: Query }"
  xray_enabled        = true
}
resource "aws_appsync_api_key" "k" {
  api_id = aws_appsync_graphql_api.g.id
}
resource "aws_appsync_datasource" "n" {
  api_id = aws_appsync_graphql_api.g.id
  name   = "none"
  type   = "NONE"
}
resource "aws_appsync_datasource" "d" {
  api_id           = aws_appsync_graphql_api.g.id
  name             = "ddb"
  type             = "AMAZON_DYNAMODB"
  service_role_arn = aws_iam_role.r.arn
  dynamodb_config {
    table_name = aws_dynamodb_table.g.name
  }
}
resource "aws_appsync_function" "f" {
  api_id      = aws_appsync_graphql_api.g.id
  data_source = aws_appsync_datasource.n.name
  name        = "fun"
  code        = "export function request(ctx) { return {}; }\nexport function response(ctx) { return 'hi'; }"
  runtime {
    name            = "APPSYNC_JS"
    runtime_version = "1.0.0"
  }
}
resource "aws_appsync_resolver" "r" {
  api_id = aws_appsync_graphql_api.g.id
  type   = "Query"
  field  = "hello"
  kind   = "PIPELINE"
  code   = "export function request(ctx) { return {}; }\nexport function response(ctx) { return ctx.prev.result; }"
  runtime {
    name            = "APPSYNC_JS"
    runtime_version = "1.0.0"
  }
  pipeline_config {
    functions = [aws_appsync_function.f.function_id]
  }
}
# --- CloudTrail, Config, Backup, X-Ray, SES
resource "aws_s3_bucket" "trail" {
  bucket        = "trail-garden"
  force_destroy = true
}
resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Sid = "acl", Effect = "Allow", Principal = { Service = ["cloudtrail.amazonaws.com", "config.amazonaws.com"] }, Action = ["s3:GetBucketAcl", "s3:ListBucket"], Resource = aws_s3_bucket.trail.arn },
  { Sid = "put", Effect = "Allow", Principal = { Service = ["cloudtrail.amazonaws.com", "config.amazonaws.com"] }, Action = "s3:PutObject", Resource = "${aws_s3_bucket.trail.arn}/*" }] })
}
resource "aws_cloudtrail" "t" {
  name                          = "trail"
  s3_bucket_name                = aws_s3_bucket.trail.id
  s3_key_prefix                 = "p"
  include_global_service_events = false
  enable_log_file_validation    = true
  depends_on                    = [aws_s3_bucket_policy.trail]
  event_selector {
    read_write_type           = "All"
    include_management_events = true
    data_resource {
      type   = "AWS::S3::Object"
      values = ["arn:aws:s3"]
    }
  }
}
resource "aws_config_configuration_recorder" "r" {
  name     = "default"
  role_arn = aws_iam_role.r.arn
  recording_group {
    all_supported                 = true
    include_global_resource_types = true
  }
}
resource "aws_config_delivery_channel" "c" {
  name           = "default"
  s3_bucket_name = aws_s3_bucket.trail.bucket
  depends_on     = [aws_config_configuration_recorder.r, aws_s3_bucket_policy.trail]
}
resource "aws_config_configuration_recorder_status" "s" {
  name       = aws_config_configuration_recorder.r.name
  is_enabled = true
  depends_on = [aws_config_delivery_channel.c]
}
resource "aws_config_config_rule" "v" {
  name = "versioned"
  source {
    owner             = "AWS"
    source_identifier = "S3_BUCKET_VERSIONING_ENABLED"
  }
  depends_on = [aws_config_configuration_recorder.r]
}
resource "aws_backup_vault" "v" {
  name        = "vault"
  kms_key_arn = aws_kms_key.k.arn
}
resource "aws_backup_plan" "p" {
  name = "plan"
  rule {
    rule_name         = "daily"
    target_vault_name = aws_backup_vault.v.name
    schedule          = "cron(0 12 * * ? *)"
    lifecycle {
      delete_after = 14
    }
  }
}
resource "aws_backup_selection" "s" {
  name         = "tables"
  iam_role_arn = aws_iam_role.r.arn
  plan_id      = aws_backup_plan.p.id
  resources    = [aws_dynamodb_table.g.arn]
}
resource "aws_xray_sampling_rule" "r" {
  rule_name      = "shop"
  priority       = 100
  version        = 1
  reservoir_size = 1
  fixed_rate     = 0.05
  url_path       = "*"
  host           = "*"
  http_method    = "*"
  service_type   = "*"
  service_name   = "*"
  resource_arn   = "*"
}
resource "aws_xray_group" "g" {
  group_name        = "slow"
  filter_expression = "responsetime > 5"
}
resource "aws_ses_domain_identity" "d" {
  domain = "shop.test"
}
resource "aws_ses_domain_dkim" "d" {
  domain = aws_ses_domain_identity.d.domain
}
resource "aws_ses_email_identity" "e" {
  email = "a@shop.test"
}
resource "aws_ses_template" "t" {
  name    = "t"
  subject = "s"
  html    = "<b>{{x}}</b>"
}
resource "aws_ses_configuration_set" "c" {
  name = "cs"
}
resource "aws_sesv2_email_identity" "v2" {
  email_identity = "b@shop.test"
}
# --- CodeBuild, ECR, FIS, Access Analyzer, SSM
resource "aws_codebuild_project" "p" {
  name         = "build"
  service_role = aws_iam_role.r.arn
  artifacts {
    type = "NO_ARTIFACTS"
  }
  environment {
    compute_type = "BUILD_GENERAL1_SMALL"
    image        = "aws/codebuild/amazonlinux2-x86_64-standard:5.0"
    type         = "LINUX_CONTAINER"
    environment_variable {
      name  = "A"
      value = "b"
    }
  }
  source {
    type      = "NO_SOURCE"
    buildspec = "version: 0.2\nphases:\n  build:\n    commands:\n      - echo hi\n"
  }
  depends_on = [aws_iam_role_policy.r]
}
resource "aws_ecr_repository" "r" {
  name                 = "shop/app"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  image_scanning_configuration {
    scan_on_push = false
  }
}
resource "aws_ecr_lifecycle_policy" "p" {
  repository = aws_ecr_repository.r.name
  policy     = jsonencode({ rules = [{ rulePriority = 1, description = "x", selection = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }, action = { type = "expire" } }] })
}
resource "aws_accessanalyzer_analyzer" "a" {
  analyzer_name = "an"
}
resource "aws_fis_experiment_template" "t" {
  description = "t"
  role_arn    = aws_iam_role.r.arn
  stop_condition {
    source = "none"
  }
  action {
    name      = "wait"
    action_id = "aws:fis:wait"
    parameter {
      key   = "duration"
      value = "PT1M"
    }
  }
}
resource "aws_ssm_document" "d" {
  name          = "doc"
  document_type = "Automation"
  content       = jsonencode({ schemaVersion = "0.3", mainSteps = [{ name = "wait", action = "aws:sleep", inputs = { Duration = "PT1S" } }] })
}
resource "aws_cloudformation_stack" "s" {
  name          = "tfstack"
  parameters    = { N = "tfq" }
  template_body = jsonencode({ Parameters = { N = { Type = "String" } }, Resources = { Q = { Type = "AWS::SQS::Queue", Properties = { QueueName = { Ref = "N" } } } }, Outputs = { U = { Value = { Ref = "Q" } } } })
}
