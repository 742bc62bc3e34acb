"""Properties of every resource type: those to make one with, and those to change it to."""

DOCUMENT = '{Version: "2012-10-17", Statement: []}'
CHANGED_DOCUMENT = '{Version: "2012-10-17", Statement: [{Effect: Deny, Action: "*", Resource: "*"}]}'

SAMPLES = {
    "AWS::CloudFront::KeyValueStore": (
        "{Name: n, Comment: a, ImportSource: {SourceType: S3, SourceArn: 'arn:aws:s3:::b/k'}}",
        "{Name: n, Comment: b, ImportSource: {SourceType: S3, SourceArn: 'arn:aws:s3:::b/k'}}",
    ),
    "AWS::ResourceGroups::Group": (
        "{Name: n, Description: a, ResourceQuery: {Type: TAG_FILTERS_1_0, Query: {ResourceTypeFilters: ['AWS::S3::Bucket'], TagFilters: "
        "[{Key: a, Values: [b]}]}}, Tags: [{Key: a, Value: b}]}",
        "{Name: n, ResourceQuery: {Type: CLOUDFORMATION_STACK_1_0}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::WAFv2::IPSet": (
        "{Scope: REGIONAL, IPAddressVersion: IPV4, Addresses: [192.0.2.0/24], Tags: [{Key: a, Value: b}]}",
        "{Scope: REGIONAL, IPAddressVersion: IPV4, Addresses: [], Description: abc, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::WAFv2::RegexPatternSet": (
        "{Scope: REGIONAL, RegularExpressionList: [a], Tags: [{Key: a, Value: b}]}",
        "{Scope: REGIONAL, RegularExpressionList: [b, c]}",
    ),
    "AWS::WAFv2::RuleGroup": (
        "{Scope: REGIONAL, Capacity: 50, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}, Rules: [{Name: r, Priority: 0, Action: {Block: {}}, Statement: {ByteMatchStatement: {SearchString: a, FieldToMatch: {UriPath: {}}, TextTransformations: [{Priority: 0, Type: NONE}], PositionalConstraint: CONTAINS}}, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}}], Tags: [{Key: a, Value: b}]}",
        "{Scope: REGIONAL, Capacity: 50, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}, Rules: [{Name: r, Priority: 0, Action: {Block: {}}, Statement: {ByteMatchStatement: {SearchStringBase64: YQ==, FieldToMatch: {UriPath: {}}, TextTransformations: [{Priority: 0, Type: NONE}], PositionalConstraint: CONTAINS}}, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}}], CustomResponseBodies: {k: {ContentType: TEXT_PLAIN, Content: c}}}",
    ),
    "AWS::WAFv2::WebACL": (
        "{Scope: REGIONAL, DefaultAction: {Allow: {}}, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}, Rules: [{Name: r, Priority: 0, Action: {Block: {}}, Statement: {ByteMatchStatement: {SearchString: a, FieldToMatch: {UriPath: {}}, TextTransformations: [{Priority: 0, Type: NONE}], PositionalConstraint: CONTAINS}}, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}}], Tags: [{Key: a, Value: b}]}",
        "{Scope: REGIONAL, DefaultAction: {Block: {}}, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}, Rules: [{Name: r, Priority: 0, Action: {Block: {}}, Statement: {ByteMatchStatement: {SearchStringBase64: YQ==, FieldToMatch: {UriPath: {}}, TextTransformations: [{Priority: 0, Type: NONE}], PositionalConstraint: CONTAINS}}, VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: m}}], AssociationConfig: {RequestBody: {API_GATEWAY: "
        "{DefaultSizeInspectionLimit: KB_32}}}}",
    ),
    "AWS::WAFv2::WebACLAssociation": (
        "{ResourceArn: 'arn:aws:apigateway:us-east-1::/restapis/a/stages/b', WebACLArn: 'arn:aws:wafv2:us-east-1:000000000000:regional/webacl/a/b'}",
        "{ResourceArn: 'arn:aws:apigateway:us-east-1::/restapis/a/stages/b', WebACLArn: 'arn:aws:wafv2:us-east-1:000000000000:regional/webacl/a/c'}",
    ),
    "AWS::WAFv2::LoggingConfiguration": (
        "{ResourceArn: 'arn:aws:wafv2:us-east-1:000000000000:regional/webacl/a/b', LogDestinationConfigs: ['arn:aws:s3:::aws-waf-logs-a']}",
        "{ResourceArn: 'arn:aws:wafv2:us-east-1:000000000000:regional/webacl/a/b', LogDestinationConfigs: ['arn:aws:s3:::aws-waf-logs-b'], "
        "RedactedFields: [{UriPath: {}}], LoggingFilter: {DefaultBehavior: KEEP, Filters: [{Behavior: DROP, Requirement: MEETS_ALL, Conditions: "
        "[{ActionCondition: {Action: COUNT}}]}]}}",
    ),
    "AWS::CloudFront::Distribution": (
        "{DistributionConfig: {Enabled: true, Origins: [{Id: o, DomainName: b.s3.amazonaws.com, S3OriginConfig: {}}], DefaultCacheBehavior: "
        "{TargetOriginId: o, ViewerProtocolPolicy: allow-all, CachePolicyId: c, AllowedMethods: [GET, HEAD, OPTIONS], CachedMethods: [GET, HEAD]}, "
        "Restrictions: {GeoRestriction: {RestrictionType: none}}, ViewerCertificate: {CloudFrontDefaultCertificate: true}}, Tags: [{Key: a, Value: b}]}",
        "{DistributionConfig: {Enabled: false, IPV6Enabled: true, Aliases: [a.example], Origins: [{Id: o, DomainName: a.example, OriginCustomHeaders: "
        "[{HeaderName: h, HeaderValue: v}], CustomOriginConfig: {OriginProtocolPolicy: http-only, OriginSSLProtocols: [TLSv1.2]}}], "
        "ViewerCertificate: {AcmCertificateArn: 'arn:aws:acm:us-east-1:000000000000:certificate/c', SslSupportMethod: sni-only}, DefaultCacheBehavior: "
        "{TargetOriginId: o, ViewerProtocolPolicy: allow-all, TrustedKeyGroups: [k], ForwardedValues: {QueryString: true, Headers: [Host]}}}, "
        "Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::CloudFront::CachePolicy": (
        "{CachePolicyConfig: {Name: n, MinTTL: 0, DefaultTTL: 1, MaxTTL: 2, ParametersInCacheKeyAndForwardedToOrigin: {EnableAcceptEncodingGzip: true, "
        "HeadersConfig: {HeaderBehavior: whitelist, Headers: [a]}, CookiesConfig: {CookieBehavior: none}, QueryStringsConfig: {QueryStringBehavior: all}}}}",
        "{CachePolicyConfig: {Name: n, MinTTL: 1, DefaultTTL: 1, MaxTTL: 2, ParametersInCacheKeyAndForwardedToOrigin: {EnableAcceptEncodingGzip: true, "
        "HeadersConfig: {HeaderBehavior: none}, CookiesConfig: {CookieBehavior: none}, QueryStringsConfig: {QueryStringBehavior: all}}}}",
    ),
    "AWS::CloudFront::OriginRequestPolicy": (
        "{OriginRequestPolicyConfig: {Name: n, HeadersConfig: {HeaderBehavior: whitelist, Headers: [a]}, CookiesConfig: {CookieBehavior: none}, "
        "QueryStringsConfig: {QueryStringBehavior: all}}}",
        "{OriginRequestPolicyConfig: {Name: m, HeadersConfig: {HeaderBehavior: none}, CookiesConfig: {CookieBehavior: none}, "
        "QueryStringsConfig: {QueryStringBehavior: all}}}",
    ),
    "AWS::CloudFront::ResponseHeadersPolicy": (
        "{ResponseHeadersPolicyConfig: {Name: n, CustomHeadersConfig: {Items: [{Header: h, Value: v, Override: true}]}}}",
        "{ResponseHeadersPolicyConfig: {Name: n, RemoveHeadersConfig: {Items: [{Header: h}]}}}",
    ),
    "AWS::CloudFront::OriginAccessControl": (
        "{OriginAccessControlConfig: {Name: n, OriginAccessControlOriginType: s3, SigningBehavior: always, SigningProtocol: sigv4}}",
        "{OriginAccessControlConfig: {Name: m, OriginAccessControlOriginType: s3, SigningBehavior: never, SigningProtocol: sigv4}}",
    ),
    "AWS::CloudFront::CloudFrontOriginAccessIdentity": (
        "{CloudFrontOriginAccessIdentityConfig: {Comment: a}}",
        "{CloudFrontOriginAccessIdentityConfig: {Comment: b}}",
    ),
    "AWS::CloudFront::PublicKey": (
        "{PublicKeyConfig: {CallerReference: r, Name: n, EncodedKey: k}}",
        "{PublicKeyConfig: {CallerReference: r, Name: n, EncodedKey: k, Comment: c}}",
    ),
    "AWS::CloudFront::KeyGroup": ("{KeyGroupConfig: {Name: n, Items: [k]}}", "{KeyGroupConfig: {Name: n, Items: [k, l]}}"),
    "AWS::CloudFront::Function": (
        "{Name: f, AutoPublish: true, FunctionCode: c, FunctionConfig: {Comment: a, Runtime: cloudfront-js-2.0}, Tags: [{Key: a, Value: b}]}",
        "{Name: f, FunctionCode: d, FunctionConfig: {Comment: a, Runtime: cloudfront-js-2.0}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Organizations::Organization": ("{}", "{FeatureSet: ALL}"),
    "AWS::Organizations::OrganizationalUnit": (
        "{Name: n, ParentId: r-abcd, Tags: [{Key: a, Value: b}]}",
        "{Name: m, ParentId: r-abcd, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Organizations::Account": (
        "{AccountName: n, Email: a@example.com, RoleName: r, ParentIds: [r-abcd], Tags: [{Key: a, Value: b}]}",
        "{AccountName: n, Email: a@example.com, RoleName: r, ParentIds: [ou-abcd-12345678], Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Organizations::Policy": (
        f"{{Name: n, Type: SERVICE_CONTROL_POLICY, Description: d, Content: {DOCUMENT}, TargetIds: [r-abcd], Tags: [{{Key: a, Value: b}}]}}",
        f"{{Name: m, Type: SERVICE_CONTROL_POLICY, Content: {CHANGED_DOCUMENT}, Tags: [{{Key: c, Value: d}}]}}",
    ),
    "AWS::Organizations::ResourcePolicy": (
        f"{{Content: {DOCUMENT}, Tags: [{{Key: a, Value: b}}]}}",
        f"{{Content: {CHANGED_DOCUMENT}, Tags: [{{Key: c, Value: d}}]}}",
    ),
    "AWS::SQS::Queue": (
        "{DelaySeconds: 5, KmsMasterKeyId: k, RedrivePolicy: {deadLetterTargetArn: q, maxReceiveCount: 3}, Tags: [{Key: a, Value: b}]}",
        "{DelaySeconds: 6, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::SES::EmailIdentity": (
        "{EmailIdentity: example.com, DkimAttributes: {SigningEnabled: true}, FeedbackAttributes: {EmailForwardingEnabled: true}, "
        "MailFromAttributes: {MailFromDomain: bounce.example.com, BehaviorOnMxFailure: REJECT_MESSAGE}, "
        "ConfigurationSetAttributes: {ConfigurationSetName: s}, Tags: [{Key: a, Value: b}]}",
        "{EmailIdentity: example.com, DkimSigningAttributes: {NextSigningKeyLength: RSA_1024_BIT}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::SES::Template": (
        "{Template: {TemplateName: t, SubjectPart: Hi, TextPart: x}, Tags: [{Key: a, Value: b}]}",
        "{Template: {TemplateName: t, SubjectPart: Hello, HtmlPart: x}}",
    ),
    "AWS::SES::ConfigurationSet": (
        "{SendingOptions: {SendingEnabled: false}, DeliveryOptions: {TlsPolicy: REQUIRE}, SuppressionOptions: {SuppressedReasons: [BOUNCE]}}",
        "{ReputationOptions: {ReputationMetricsEnabled: false}, Tags: [{Key: a, Value: b}]}",
    ),
    "AWS::SES::ConfigurationSetEventDestination": (
        "{ConfigurationSetName: s, EventDestination: {Name: d, Enabled: true, MatchingEventTypes: [send, renderingFailure], SnsDestination: {TopicARN: 'arn:aws:sns:us-east-1:000000000000:t'}}}",
        "{ConfigurationSetName: s, EventDestination: {Name: d, Enabled: false, MatchingEventTypes: [BOUNCE], "
        "EventBridgeDestination: {EventBusArn: 'arn:aws:events:us-east-1:000000000000:event-bus/default'}}}",
    ),
    "AWS::SES::ReceiptRuleSet": ("{RuleSetName: a}", "{RuleSetName: b}"),
    "AWS::SES::ReceiptRule": (
        "{RuleSetName: a, Rule: {Name: r, Enabled: true, Actions: [{StopAction: {Scope: RuleSet}}]}}",
        "{RuleSetName: a, Rule: {Name: r, Recipients: [example.com]}, After: other}",
    ),
    "AWS::SES::ContactList": (
        "{Topics: [{TopicName: a, DisplayName: A, DefaultSubscriptionStatus: OPT_IN}], Tags: [{Key: a, Value: b}]}",
        "{Description: d}",
    ),
    "AWS::SQS::QueuePolicy": (
        f"{{Queues: [a, b], PolicyDocument: {DOCUMENT}}}",
        f"{{Queues: [b, c], PolicyDocument: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::SNS::Topic": (
        """{DisplayName: d, TracingConfig: PassThrough, SignatureVersion: "2", KmsMasterKeyId: k, Tags: [{Key: a, Value: b}],
        Subscription: [{Protocol: sqs, Endpoint: q}]}""",
        "{FifoThroughputScope: Topic, ContentBasedDeduplication: true, ArchivePolicy: {MessageRetentionPeriod: 7}, Tags: [{Key: c, Value: d}],"
        " Subscription: [{Protocol: lambda, Endpoint: f}]}",
    ),
    "AWS::SNS::Subscription": (
        "{TopicArn: t, Protocol: sqs, Endpoint: q, RawMessageDelivery: true, FilterPolicy: {a: [b]}, DeliveryPolicy: {}, RedrivePolicy: {}}",
        "{TopicArn: t, Protocol: sqs, Endpoint: q, FilterPolicyScope: MessageBody, ReplayPolicy: {}}",
    ),
    "AWS::SNS::TopicPolicy": (
        f"{{Topics: [a, b], PolicyDocument: {DOCUMENT}}}",
        f"{{Topics: [b, c], PolicyDocument: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::SNS::TopicInlinePolicy": (
        f"{{TopicArn: a, PolicyDocument: {DOCUMENT}}}",
        f"{{TopicArn: a, PolicyDocument: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::S3::Bucket": (
        """{AccessControl: PublicRead, ObjectLockEnabled: true, VersioningConfiguration: {Status: Enabled},
        BucketEncryption: {ServerSideEncryptionConfiguration: [{BucketKeyEnabled: true,
            ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: k}}]},
        PublicAccessBlockConfiguration: {BlockPublicAcls: true}, OwnershipControls: {Rules: [{ObjectOwnership: ObjectWriter}]},
        CorsConfiguration: {CorsRules: [{Id: a, AllowedMethods: [GET], AllowedOrigins: ["*"], ExposedHeaders: [x], MaxAge: 5}]},
        LifecycleConfiguration: {Rules: [{Id: a, Status: Enabled, Prefix: p/, ExpirationInDays: 3, TagFilters: [{Key: a, Value: b}],
            Transitions: [{StorageClass: GLACIER, TransitionInDays: 1}], NoncurrentVersionExpirationInDays: 4,
            NoncurrentVersionTransitions: [{StorageClass: GLACIER, TransitionInDays: 1}],
            AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}}]},
        WebsiteConfiguration: {IndexDocument: i, ErrorDocument: e, RoutingRules: [{RedirectRule: {HostName: h},
            RoutingRuleCondition: {KeyPrefixEquals: k}}]},
        NotificationConfiguration: {LambdaConfigurations: [{Event: "s3:ObjectCreated:*", Function: f,
            Filter: {S3Key: {Rules: [{Name: prefix, Value: p}]}}}], QueueConfigurations: [{Event: "s3:ObjectCreated:*", Queue: q}],
            TopicConfigurations: [{Event: "s3:ObjectCreated:*", Topic: t}], EventBridgeConfiguration: {EventBridgeEnabled: true}},
        ReplicationConfiguration: {Role: r, Rules: [{Id: a, Status: Enabled, Priority: 1, Filter: {TagFilter: {Key: a, Value: b}},
            DeleteMarkerReplication: {Status: Enabled}, Destination: {Bucket: b, StorageClass: STANDARD}}]},
        LoggingConfiguration: {DestinationBucketName: l}, Tags: [{Key: a, Value: b}],
        MetricsConfigurations: [{Id: m, Prefix: p, TagFilters: [{Key: a, Value: b}]}],
        AnalyticsConfigurations: [{Id: a, Prefix: p, TagFilters: [{Key: a, Value: b}], StorageClassAnalysis: {DataExport: {OutputSchemaVersion: V_1,
            Destination: {BucketArn: "arn:aws:s3:::l", BucketAccountId: "000000000000", Format: CSV, Prefix: p}}}}],
        InventoryConfigurations: [{Id: i, Enabled: true, IncludedObjectVersions: All, ScheduleFrequency: Daily, Prefix: p,
            OptionalFields: [Size], Destination: {BucketArn: "arn:aws:s3:::l", Format: CSV, Prefix: p}}],
        IntelligentTieringConfigurations: [{Id: t, Status: Enabled, Prefix: p, Tierings: [{AccessTier: ARCHIVE_ACCESS, Days: 90}]}],
        ObjectLockConfiguration: {ObjectLockEnabled: Enabled, Rule: {DefaultRetention: {Mode: GOVERNANCE, Days: 1}}}}""",
        """{ObjectLockEnabled: true,
        ObjectLockConfiguration: {ObjectLockEnabled: Enabled, Rule: {DefaultRetention: {Mode: GOVERNANCE, Days: 2}}}}""",
    ),
    "AWS::S3::AccessPoint": (
        f"{{Bucket: bbb, PublicAccessBlockConfiguration: {{BlockPublicAcls: true}}, Policy: {DOCUMENT}}}",
        f"{{Bucket: bbb, PublicAccessBlockConfiguration: {{BlockPublicAcls: true}}, Policy: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::S3::MultiRegionAccessPoint": (
        "{Regions: [{Bucket: bbb, BucketAccountId: '000000000000'}], PublicAccessBlockConfiguration: {BlockPublicAcls: true}}",
        "{Regions: [{Bucket: ccc}]}",
    ),
    "AWS::S3::MultiRegionAccessPointPolicy": (
        f"{{MrapName: nnn, Policy: {DOCUMENT}}}",
        f"{{MrapName: nnn, Policy: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::S3::BucketPolicy": (
        f"{{Bucket: b, PolicyDocument: {DOCUMENT}}}",
        f"{{Bucket: b, PolicyDocument: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::StepFunctions::StateMachine": (
        """{RoleArn: r, StateMachineType: STANDARD, DefinitionString: "{}", Tags: [{Key: a, Value: b}],
        LoggingConfiguration: {Level: ALL, Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: g}}]}, TracingConfiguration: {Enabled: false},
        EncryptionConfiguration: {KmsKeyId: k, KmsDataKeyReusePeriodSeconds: 60, Type: CUSTOMER_MANAGED_KMS_KEY}}""",
        "{RoleArn: r2, StateMachineType: STANDARD, Definition: {StartAt: A}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::StepFunctions::StateMachineVersion": ("{StateMachineArn: m, Description: d}", "{StateMachineArn: m, Description: e}"),
    "AWS::StepFunctions::StateMachineAlias": (
        "{Name: a, Description: d, RoutingConfiguration: [{StateMachineVersionArn: v1, Weight: 100}]}",
        "{Name: a, Description: e, RoutingConfiguration: [{StateMachineVersionArn: v2, Weight: 100}]}",
    ),
    "AWS::StepFunctions::Activity": (
        "{Name: a, Tags: [{Key: a, Value: b}], EncryptionConfiguration: {KmsKeyId: k, KmsDataKeyReusePeriodSeconds: 60, Type: CUSTOMER_MANAGED_KMS_KEY}}",
        "{Name: a, Tags: [{Key: c, Value: d}], EncryptionConfiguration: {KmsKeyId: k, KmsDataKeyReusePeriodSeconds: 60, Type: CUSTOMER_MANAGED_KMS_KEY}}",
    ),
    "AWS::DynamoDB::GlobalTable": (
        """{BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: id, AttributeType: S}],
        KeySchema: [{AttributeName: id, KeyType: HASH}], StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES},
        TimeToLiveSpecification: {AttributeName: t, Enabled: true},
        Replicas: [{Region: eu-west-1, Tags: [{Key: a, Value: b}], DeletionProtectionEnabled: false,
            PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}}, {Region: us-east-1}]}""",
        """{BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [{AttributeName: id, AttributeType: S}],
        KeySchema: [{AttributeName: id, KeyType: HASH}], StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES},
        Replicas: [{Region: eu-west-1}, {Region: us-east-1, TableClass: STANDARD_INFREQUENT_ACCESS}, {Region: ap-northeast-1}]}""",
    ),
    "AWS::DynamoDB::Table": (
        """{BillingMode: PROVISIONED, ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1},
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}],
        GlobalSecondaryIndexes: [{IndexName: one, KeySchema: [{AttributeName: id, KeyType: HASH}], Projection: {ProjectionType: ALL},
            ProvisionedThroughput: {ReadCapacityUnits: 1, WriteCapacityUnits: 1}}],
        StreamSpecification: {StreamViewType: NEW_IMAGE}, SSESpecification: {SSEEnabled: true}, Tags: [{Key: a, Value: b}],
        PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}, TableClass: STANDARD,
        TimeToLiveSpecification: {AttributeName: t, Enabled: true}, ResourcePolicy: {PolicyDocument: {Statement: []}},
        KinesisStreamSpecification: {StreamArn: "arn:aws:kinesis:us-east-1:123456789012:stream/s"},
        ContributorInsightsSpecification: {Enabled: true, Mode: THROTTLED_KEYS}}""",
        """{BillingMode: PAY_PER_REQUEST, DeletionProtectionEnabled: false,
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}],
        GlobalSecondaryIndexes: [{IndexName: two, KeySchema: [{AttributeName: id, KeyType: HASH}], Projection: {ProjectionType: ALL}}],
        StreamSpecification: {StreamViewType: KEYS_ONLY}, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::IAM::Role": (
        f"""{{AssumeRolePolicyDocument: {DOCUMENT}, Description: d, PermissionsBoundary: arn:aws:iam::aws:policy/Boundary,
        ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess], Policies: [{{PolicyName: a, PolicyDocument: {DOCUMENT}}}],
        Tags: [{{Key: a, Value: b}}]}}""",
        f"""{{AssumeRolePolicyDocument: {CHANGED_DOCUMENT}, MaxSessionDuration: 7200,
        ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess], Policies: [{{PolicyName: b, PolicyDocument: {DOCUMENT}}}]}}""",
    ),
    "AWS::IAM::User": (
        f"""{{Path: /a/, LoginProfile: {{Password: secret, PasswordResetRequired: true}},
        Policies: [{{PolicyName: a, PolicyDocument: {DOCUMENT}}}], Tags: [{{Key: a, Value: b}}]}}""",
        "{ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]}",
    ),
    "AWS::IAM::Group": (
        f"{{Policies: [{{PolicyName: a, PolicyDocument: {DOCUMENT}}}]}}",
        "{Path: /b/, ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]}",
    ),
    "AWS::IAM::Policy": (
        f"{{PolicyName: a, PolicyDocument: {DOCUMENT}, Roles: [r], Users: [u]}}",
        f"{{PolicyName: b, PolicyDocument: {DOCUMENT}, Roles: [r], Groups: [g]}}",
    ),
    "AWS::IAM::ManagedPolicy": (
        f"{{PolicyDocument: {DOCUMENT}, Roles: [r], Description: d}}",
        f"{{PolicyDocument: {CHANGED_DOCUMENT}, Users: [u], Groups: [g], Description: d}}",
    ),
    "AWS::IAM::RolePolicy": (
        f"{{RoleName: r, PolicyName: a, PolicyDocument: {DOCUMENT}}}",
        f"{{RoleName: r, PolicyName: a, PolicyDocument: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::IAM::UserPolicy": (
        f"{{UserName: u, PolicyName: a, PolicyDocument: {DOCUMENT}}}",
        f"{{UserName: v, PolicyName: a, PolicyDocument: {DOCUMENT}}}",
    ),
    "AWS::IAM::GroupPolicy": (
        f"{{GroupName: g, PolicyName: a, PolicyDocument: {DOCUMENT}}}",
        f"{{GroupName: g, PolicyName: b, PolicyDocument: {DOCUMENT}}}",
    ),
    "AWS::IAM::UserToGroupAddition": ("{GroupName: g, Users: [a, b]}", "{GroupName: g, Users: [b, c]}"),
    "AWS::SQS::QueueInlinePolicy": (
        f"{{Queue: 'https://q', PolicyDocument: {DOCUMENT}}}",
        f"{{Queue: 'https://q', PolicyDocument: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::IAM::AccessKey": ("{UserName: u, Status: Inactive}", "{UserName: u}"),
    "AWS::IAM::ServiceLinkedRole": ("{AWSServiceName: autoscaling.amazonaws.com, CustomSuffix: a, Description: d}", "{AWSServiceName: autoscaling.amazonaws.com, CustomSuffix: a, Description: e}"),
    "AWS::IAM::ServerCertificate": (
        "{CertificateBody: b, PrivateKey: k, CertificateChain: c, Tags: [{Key: a, Value: b}]}",
        "{CertificateBody: b, PrivateKey: k, CertificateChain: c, Path: /b/}",
    ),
    "AWS::IAM::InstanceProfile": ("{Roles: [a]}", "{Roles: [b]}"),
    "AWS::Lambda::Function": (
        """{Runtime: python3.13, Handler: h.h, Role: "arn:aws:iam::123456789012:role/r", Code: {S3Bucket: bbb, S3Key: k}, Timeout: 9,
        Layers: ['arn:aws:lambda:eu-west-1:123456789012:layer:l:1'], ReservedConcurrentExecutions: 1, Tags: [{Key: a, Value: b}], KmsKeyArn: "", RecursiveLoop: Allow,
        RuntimeManagementConfig: {UpdateRuntimeOn: FunctionUpdate}, DurableConfig: {ExecutionTimeout: 9},
        CodeSigningConfigArn: "arn:aws:lambda:eu-west-1:123456789012:code-signing-config:csc-0123456789abcdefg",
        TracingConfig: {Mode: Active}}""",
        """{Runtime: python3.12, Handler: h.h, Role: "arn:aws:iam::123456789012:role/r", Code: {ZipFile: "x = 1"}, MemorySize: 256}""",
    ),
    "AWS::Lambda::Version": ("{FunctionName: f, Description: d, ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}}", "{FunctionName: f, Description: e, RuntimePolicy: {UpdateRuntimeOn: FunctionUpdate}}"),
    "AWS::Lambda::Alias": (
        """{FunctionName: f, FunctionVersion: "1", Name: live, ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1},
        RoutingConfig: {AdditionalVersionWeights: [{FunctionVersion: "2", FunctionWeight: 0.5}]}}""",
        '{FunctionName: f, FunctionVersion: "2", Name: live, Description: d}',
    ),
    "AWS::Lambda::Permission": (
        "{FunctionName: f, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}",
        "{FunctionName: f, Action: lambda:InvokeFunction, Principal: sns.amazonaws.com}",
    ),
    "AWS::Lambda::Url": (
        """{TargetFunctionArn: f, AuthType: NONE, Cors: {AllowOrigins: ["*"]}}""",
        "{TargetFunctionArn: f, AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM}",
    ),
    "AWS::Lambda::LayerVersion": (
        "{Content: {S3Bucket: bbb, S3Key: k}, CompatibleRuntimes: [python3.13]}",
        "{Content: {S3Bucket: bbb, S3Key: j}}",
    ),
    "AWS::Lambda::LayerVersionPermission": (
        "{LayerVersionArn: 'arn:aws:lambda:eu-west-1:123456789012:layer:l:2', Action: lambda:GetLayerVersion, Principal: '*', OrganizationId: o-aaaaaaaaaa}",
        "{LayerVersionArn: 'arn:aws:lambda:eu-west-1:123456789012:layer:l:3', Action: lambda:GetLayerVersion, Principal: '123456789012'}",
    ),
    "AWS::Lambda::CodeSigningConfig": (
        "{AllowedPublishers: {SigningProfileVersionArns: ['arn:aws:signer:eu-west-1:123456789012:/signing-profiles/p']}, Tags: [{Key: a, Value: b}]}",
        """{AllowedPublishers: {SigningProfileVersionArns: ['arn:aws:signer:eu-west-1:123456789012:/signing-profiles/q']}, Description: d,
        CodeSigningPolicies: {UntrustedArtifactOnDeployment: Enforce}}""",
    ),
    "AWS::Lambda::EventInvokeConfig": (
        "{FunctionName: f, Qualifier: $LATEST, MaximumRetryAttempts: 1}",
        "{FunctionName: f, Qualifier: $LATEST, MaximumEventAgeInSeconds: 60}",
    ),
    "AWS::Lambda::EventSourceMapping": (
        "{FunctionName: f, EventSourceArn: 'arn:aws:sqs:eu-west-1:123456789012:q', BatchSize: 5, MetricsConfig: {Metrics: [EventCount]}, Tags: [{Key: a, Value: b}]}",
        "{FunctionName: f, EventSourceArn: 'arn:aws:sqs:eu-west-1:123456789012:q', BatchSize: 6, Enabled: true}",
    ),
    "AWS::Events::Archive": (
        '{SourceArn: "arn:aws:events:us-east-1:123456789012:event-bus/b", EventPattern: {source: [a]}, RetentionDays: 3, KmsKeyIdentifier: k}',
        '{SourceArn: "arn:aws:events:us-east-1:123456789012:event-bus/b", Description: d}',
    ),
    "AWS::Events::Endpoint": (
        """{RoutingConfig: {FailoverConfig: {Primary: {HealthCheck: 'arn:aws:route53:::healthcheck/a'}, Secondary: {Route: us-west-2}}}, RoleArn: 'arn:aws:iam::123456789012:role/r',
        ReplicationConfig: {State: ENABLED}, EventBuses: [{EventBusArn: 'arn:aws:events:us-east-1:123456789012:event-bus/b'}, {EventBusArn: 'arn:aws:events:us-west-2:123456789012:event-bus/b'}]}""",
        """{RoutingConfig: {FailoverConfig: {Primary: {HealthCheck: 'arn:aws:route53:::healthcheck/b'}, Secondary: {Route: us-west-2}}}, Description: d,
        RoleArn: 'arn:aws:iam::123456789012:role/q',
        ReplicationConfig: {State: DISABLED}, EventBuses: [{EventBusArn: 'arn:aws:events:us-east-1:123456789012:event-bus/b'}, {EventBusArn: 'arn:aws:events:us-west-2:123456789012:event-bus/b'}]}""",
    ),
    "AWS::Events::EventBus": (
        f"{{Name: b, Description: d, KmsKeyIdentifier: k, DeadLetterConfig: {{Arn: 'arn:aws:sqs:us-east-1:123456789012:q'}}, Policy: {DOCUMENT}, Tags: [{{Key: a, Value: b}}]}}",
        "{Name: b, Description: e, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Events::Rule": (
        """{EventBusName: b, EventPattern: {source: [a]}, Description: d, Tags: [{Key: a, Value: b}],
        Targets: [{Id: a, Arn: "arn:a"}, {Id: b, Arn: "arn:b", Input: "{}"}]}""",
        """{EventBusName: b, EventPattern: {source: [b]}, State: DISABLED, Tags: [{Key: c, Value: d}], Targets: [{Id: a, Arn: "arn:c"}]}""",
    ),
    "AWS::Events::EventBusPolicy": (
        "{StatementId: s, EventBusName: b, Statement: {Effect: Allow, Principal: '*', Action: 'events:PutEvents', Resource: '*'}}",
        "{StatementId: s, EventBusName: b, Action: 'events:PutEvents', Principal: '123456789012'}",
    ),
    "AWS::Events::Connection": (
        "{AuthorizationType: BASIC, AuthParameters: {BasicAuthParameters: {Username: u, Password: p}}, Description: d}",
        "{AuthorizationType: API_KEY, AuthParameters: {ApiKeyAuthParameters: {ApiKeyName: k, ApiKeyValue: v}}}",
    ),
    "AWS::Events::ApiDestination": (
        """{ConnectionArn: "arn:aws:events:us-east-1:123456789012:connection/c/1", HttpMethod: POST, InvocationEndpoint: "https://a.example/",
        InvocationRateLimitPerSecond: 5, Description: d}""",
        '{ConnectionArn: "arn:aws:events:us-east-1:123456789012:connection/c/2", HttpMethod: PUT, InvocationEndpoint: "https://b.example/"}',
    ),
    "AWS::Backup::BackupVault": (
        """{BackupVaultName: vault, BackupVaultTags: {a: b}, EncryptionKeyArn: "arn:aws:kms:us-east-1:123456789012:key/k",
        LockConfiguration: {MinRetentionDays: 1, MaxRetentionDays: 9, ChangeableForDays: 3}, AccessPolicy: {Version: "2012-10-17", Statement: []},
        Notifications: {BackupVaultEvents: [BACKUP_JOB_COMPLETED], SNSTopicArn: "arn:aws:sns:us-east-1:123456789012:t"}}""",
        """{BackupVaultName: vault, BackupVaultTags: {c: d}, EncryptionKeyArn: "arn:aws:kms:us-east-1:123456789012:key/k",
        LockConfiguration: {MinRetentionDays: 2}}""",
    ),
    "AWS::Backup::BackupPlan": (
        """{BackupPlanTags: {a: b}, BackupPlan: {BackupPlanName: plan, BackupPlanRule: [{RuleName: daily, TargetBackupVault: vault,
        ScheduleExpression: "cron(0 5 ? * * *)", StartWindowMinutes: 60, CompletionWindowMinutes: 180, Lifecycle: {DeleteAfterDays: 7},
        RecoveryPointTags: {a: b}, CopyActions: [{DestinationBackupVaultArn: "arn:aws:backup:eu-west-1:123456789012:backup-vault:far",
        Lifecycle: {DeleteAfterDays: 9}}]}], AdvancedBackupSettings: [{ResourceType: S3, BackupOptions: {BackupACLs: disabled}}]}}""",
        """{BackupPlanTags: {c: d}, BackupPlan: {BackupPlanName: plan, BackupPlanRule: [{RuleName: weekly, TargetBackupVault: vault}]}}""",
    ),
    "AWS::Backup::RestoreTestingPlan": (
        """{RestoreTestingPlanName: p, ScheduleExpression: "cron(0 5 ? * * *)", RecoveryPointSelection: {Algorithm: LATEST_WITHIN_WINDOW,
        IncludeVaults: ["*"], RecoveryPointTypes: [SNAPSHOT], SelectionWindowDays: 7, ExcludeVaults: [a]}, ScheduleExpressionTimezone: Asia/Tokyo,
        StartWindowHours: 1, Tags: [{Key: a, Value: b}]}""",
        """{RestoreTestingPlanName: p, ScheduleExpression: "cron(0 6 ? * * *)", RecoveryPointSelection: {Algorithm: RANDOM_WITHIN_WINDOW,
        IncludeVaults: [a], RecoveryPointTypes: [CONTINUOUS]}, ScheduleExpressionTimezone: UTC, StartWindowHours: 2, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::Backup::RestoreTestingSelection": (
        """{RestoreTestingPlanName: p, RestoreTestingSelectionName: s, IamRoleArn: r, ProtectedResourceType: S3, ProtectedResourceArns: ["*"],
        ProtectedResourceConditions: {StringEquals: [{Key: a, Value: b}], StringNotEquals: [{Key: c, Value: d}]}}""",
        """{RestoreTestingPlanName: p, RestoreTestingSelectionName: s, IamRoleArn: t, ProtectedResourceType: S3, ProtectedResourceArns: ["*"],
        ProtectedResourceConditions: {StringEquals: [{Key: e, Value: f}]}, RestoreMetadataOverrides: {a: b}, ValidationWindowHours: 1}""",
    ),
    "AWS::Backup::BackupSelection": (
        """{BackupPlanId: p, BackupSelection: {SelectionName: s, IamRoleArn: "arn:aws:iam::123456789012:role/r", Resources: ["*"],
        Conditions: {StringEquals: [{ConditionKey: "aws:ResourceTag/a", ConditionValue: b}]}}}""",
        """{BackupPlanId: p, BackupSelection: {SelectionName: s, IamRoleArn: "arn:aws:iam::123456789012:role/r",
        ListOfTags: [{ConditionType: STRINGEQUALS, ConditionKey: a, ConditionValue: b}], NotResources: ["arn:aws:s3:::*"]}}""",
    ),
    "AWS::Athena::WorkGroup": (
        """{Name: asked, Description: d, State: DISABLED, RecursiveDeleteOption: true, Tags: [{Key: a, Value: b}], WorkGroupConfiguration: {
        EnforceWorkGroupConfiguration: true, PublishCloudWatchMetricsEnabled: true, BytesScannedCutoffPerQuery: 10000000, RequesterPaysEnabled: false,
        EngineVersion: {SelectedEngineVersion: AUTO}, ResultConfiguration: {OutputLocation: "s3://b/", EncryptionConfiguration: {EncryptionOption: SSE_S3}}}}""",
        """{Name: asked, Description: e, Tags: [{Key: c, Value: d}], WorkGroupConfiguration: {ResultConfiguration: {OutputLocation: "s3://c/"}}}""",
    ),
    "AWS::Athena::NamedQuery": (
        "{Name: n, Database: db, QueryString: SELECT 1, Description: d, WorkGroup: asked}",
        "{Name: m, Database: db, QueryString: SELECT 2}",
    ),
    "AWS::Athena::PreparedStatement": (
        "{StatementName: st, WorkGroup: asked, QueryStatement: SELECT 1, Description: d}",
        "{StatementName: st, WorkGroup: asked, QueryStatement: SELECT 2, Description: e}",
    ),
    "AWS::Glue::Database": (
        """{CatalogId: "123456789012", DatabaseInput: {Name: lake, Description: d, LocationUri: "s3://b/", Parameters: {a: 1}}}""",
        """{CatalogId: "123456789012", DatabaseInput: {Name: lake, Description: e}}""",
    ),
    "AWS::Glue::Table": (
        """{CatalogId: "123456789012", DatabaseName: lake, TableInput: {Name: logs, TableType: EXTERNAL_TABLE, Parameters: {has_encrypted_data: true},
        PartitionKeys: [{Name: year, Type: int}], StorageDescriptor: {Columns: [{Name: a, Type: string, Comment: c}], Location: "s3://b/",
        SerdeInfo: {SerializationLibrary: s, Parameters: {a: 1}}, SortColumns: [{Column: a, SortOrder: 1}]}}}""",
        """{CatalogId: "123456789012", DatabaseName: lake, TableInput: {Name: logs, Description: d}}""",
    ),
    "AWS::Glue::Partition": (
        """{CatalogId: "123456789012", DatabaseName: lake, TableName: logs, PartitionInput: {Values: ["2026"], StorageDescriptor: {Location: "s3://b/"}}}""",
        """{CatalogId: "123456789012", DatabaseName: lake, TableName: logs, PartitionInput: {Values: ["2026"], Parameters: {a: b}}}""",
    ),
    "AWS::Glue::Crawler": (
        """{Name: c, Role: r, DatabaseName: lake, Targets: {S3Targets: [{Path: "s3://b/", Exclusions: ["*.tmp"]}]}, Tags: {a: b},
        Schedule: {ScheduleExpression: "cron(0 3 * * ? *)"}, SchemaChangePolicy: {UpdateBehavior: LOG}, Classifiers: [x], TablePrefix: p}""",
        """{Name: c, Role: r, DatabaseName: lake, Targets: {S3Targets: [{Path: "s3://c/"}]}, Tags: {c: d}, Configuration: '{"Version": 1.0}',
        RecrawlPolicy: {RecrawlBehavior: CRAWL_EVERYTHING}, Description: d}""",
    ),
    "AWS::Glue::Classifier": (
        "{CsvClassifier: {Name: x, Delimiter: ';', ContainsHeader: ABSENT, Header: [a, b]}}", "{CsvClassifier: {Name: x, Delimiter: '|'}}",
    ),
    "AWS::Config::ConfigurationRecorder": (
        "{RoleARN: 'arn:aws:iam::123456789012:role/r', RecordingGroup: {ResourceTypes: ['AWS::S3::Bucket']}}",
        "{RoleARN: 'arn:aws:iam::123456789012:role/q', RecordingGroup: {AllSupported: true, IncludeGlobalResourceTypes: true}}",
    ),
    "AWS::Config::DeliveryChannel": (
        "{S3BucketName: b, SnsTopicARN: t}",
        "{S3BucketName: c, S3KeyPrefix: p, ConfigSnapshotDeliveryProperties: {DeliveryFrequency: One_Hour}}",
    ),
    "AWS::Config::ConfigRule": (
        "{Source: {Owner: AWS, SourceIdentifier: ACCESS_KEYS_ROTATED}, InputParameters: {maxAccessKeyAge: 90}, Description: d}",
        """{Source: {Owner: CUSTOM_LAMBDA, SourceIdentifier: arn, SourceDetails: [{EventSource: aws.config, MessageType: ScheduledNotification,
        MaximumExecutionFrequency: One_Hour}]}, InputParameters: '{"a":"b"}', Scope: {ComplianceResourceTypes: ['AWS::S3::Bucket']}}""",
    ),
    "AWS::Config::RemediationConfiguration": (
        "{ConfigRuleName: r, TargetType: SSM_DOCUMENT, TargetId: d, Parameters: {a: {StaticValue: {Values: [b]}}}}",
        """{ConfigRuleName: r, TargetType: SSM_DOCUMENT, TargetId: d, TargetVersion: "1", Automatic: true, MaximumAutomaticAttempts: 5, RetryAttemptSeconds: 60,
        ResourceType: 'AWS::S3::Bucket', ExecutionControls: {SsmControls: {ErrorPercentage: 10}}}""",
    ),
    "AWS::Config::ConformancePack": (
        "{ConformancePackName: n, TemplateBody: t, Tags: [{Key: a, Value: b}]}",
        "{ConformancePackName: n, TemplateS3Uri: 's3://b/k', DeliveryS3Bucket: b, ConformancePackInputParameters: [{ParameterName: p, ParameterValue: v}], Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Config::StoredQuery": (
        "{QueryName: n, QueryExpression: SELECT resourceId, QueryDescription: d, Tags: [{Key: a, Value: b}]}",
        "{QueryName: n, QueryExpression: SELECT accountId, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Config::ConfigurationAggregator": (
        "{AccountAggregationSources: [{AccountIds: ['123456789012'], AllAwsRegions: true}], Tags: [{Key: a, Value: b}]}",
        """{Tags: [{Key: c, Value: d}],
        OrganizationAggregationSource: {RoleArn: 'arn:aws:iam::123456789012:role/r', AwsRegions: [us-east-1]}}""",
    ),
    "AWS::Config::AggregationAuthorization": (
        "{AuthorizedAccountId: '123456789012', AuthorizedAwsRegion: us-east-1, Tags: [{Key: a, Value: b}]}",
        "{AuthorizedAccountId: '123456789012', AuthorizedAwsRegion: us-east-1, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Config::OrganizationConfigRule": (
        "{OrganizationConfigRuleName: n, OrganizationManagedRuleMetadata: {RuleIdentifier: ACCESS_KEYS_ROTATED}, ExcludedAccounts: ['123456789012']}",
        """{OrganizationConfigRuleName: n, OrganizationCustomRuleMetadata: {LambdaFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:f',
        OrganizationConfigRuleTriggerTypes: [ScheduledNotification]}}""",
    ),
    "AWS::Config::OrganizationConformancePack": (
        "{OrganizationConformancePackName: n, TemplateBody: t, ExcludedAccounts: ['123456789012']}",
        "{OrganizationConformancePackName: n, TemplateS3Uri: 's3://b/k', ConformancePackInputParameters: [{ParameterName: p, ParameterValue: v}]}",
    ),
    "AWS::CloudTrail::Trail": (
        "{S3BucketName: bbb, IsLogging: true, SnsTopicName: topic, EventSelectors: [{ReadWriteType: All}], Tags: [{Key: a, Value: b}]}",
        """{S3BucketName: ccc, IsLogging: false, IsMultiRegionTrail: true, KMSKeyId: k, Tags: [{Key: c, Value: d}],
        AdvancedEventSelectors: [{FieldSelectors: [{Field: eventCategory, Equals: [Management]}]}]}""",
    ),
    "AWS::CodeBuild::Project": (
        """{ServiceRole: "arn:aws:iam::123456789012:role/r", Source: {Type: NO_SOURCE, BuildSpec: "version: 0.2"}, Artifacts: {Type: NO_ARTIFACTS},
        Environment: {Type: LINUX_CONTAINER, Image: "aws/codebuild/standard:7.0", ComputeType: BUILD_GENERAL1_SMALL}, Tags: [{Key: a, Value: b}]}""",
        """{ServiceRole: "arn:aws:iam::123456789012:role/q", Source: {Type: S3, Location: bbb/k.zip}, Artifacts: {Type: S3, Location: bbb, Packaging: ZIP},
        Environment: {Type: LINUX_CONTAINER, Image: "i", ComputeType: BUILD_GENERAL1_SMALL, EnvironmentVariables: [{Name: n, Value: v}]},
        Description: d, TimeoutInMinutes: 9, LogsConfig: {CloudWatchLogs: {Status: DISABLED}}}""",
    ),
    "AWS::CodePipeline::Pipeline": (
        """{RoleArn: "arn:aws:iam::123456789012:role/r", ArtifactStore: {Type: S3, Location: bbb}, Tags: [{Key: a, Value: b}],
        Stages: [{Name: Source, Actions: [{Name: s, ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: 1},
        Configuration: {S3Bucket: bbb, S3ObjectKey: k, PollForSourceChanges: false}, OutputArtifacts: [{Name: a}]}]},
        {Name: Agree, Actions: [{Name: m, RunOrder: 1, ActionTypeId: {Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}]}],
        DisableInboundStageTransitions: [{StageName: Agree, Reason: later}]}""",
        """{RoleArn: "arn:aws:iam::123456789012:role/q", ArtifactStores: [{Region: us-east-1, ArtifactStore: {Type: S3, Location: bbb}}],
        PipelineType: V2, ExecutionMode: QUEUED, Variables: [{Name: v, DefaultValue: d}], RestartExecutionOnUpdate: true, Tags: [{Key: c, Value: d}],
        Stages: [{Name: Source, Actions: [{Name: s, ActionTypeId: {Category: Source, Owner: AWS, Provider: S3, Version: 1},
        Configuration: {S3Bucket: bbb, S3ObjectKey: j, PollForSourceChanges: false}, OutputArtifacts: [{Name: a}]}]},
        {Name: Agree, Actions: [{Name: m, RunOrder: 1, ActionTypeId: {Category: Approval, Owner: AWS, Provider: Manual, Version: "1"}}]}]}""",
    ),
    "AWS::Pipes::Pipe": (
        """{Source: "arn:aws:kinesis:us-east-1:123456789012:stream/s", Target: "arn:aws:sqs:us-east-1:123456789012:q",
        RoleArn: "arn:aws:iam::123456789012:role/r", SourceParameters: {KinesisStreamParameters: {StartingPosition: LATEST, BatchSize: 5}},
        Description: d, TargetParameters: {InputTemplate: "<$.data>"}, KmsKeyIdentifier: k, Tags: {a: b}}""",
        """{Source: "arn:aws:kinesis:us-east-1:123456789012:stream/s", Target: "arn:aws:sqs:us-east-1:123456789012:p",
        RoleArn: "arn:aws:iam::123456789012:role/r", SourceParameters: {KinesisStreamParameters: {StartingPosition: LATEST, BatchSize: 6}},
        Tags: {c: d}}""",
    ),
    "AWS::Scheduler::Schedule": (
        """{GroupName: g, ScheduleExpression: rate(1 day), FlexibleTimeWindow: {Mode: "OFF"}, Description: d, StartDate: "2027-01-01T00:00:00Z", KmsKeyArn: "arn:aws:kms:us-east-1:123456789012:key/k",
        Target: {Arn: "arn:aws:sqs:us-east-1:123456789012:q", RoleArn: "arn:aws:iam::123456789012:role/r"}}""",
        """{GroupName: g, ScheduleExpression: rate(2 days), FlexibleTimeWindow: {Mode: "OFF"},
        Target: {Arn: "arn:aws:sqs:us-east-1:123456789012:q", RoleArn: "arn:aws:iam::123456789012:role/r"}}""",
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        """{ServiceNamespace: dynamodb, ResourceId: table/abc, ScalableDimension: "dynamodb:table:ReadCapacityUnits", MinCapacity: 1,
        MaxCapacity: 5, SuspendedState: {ScheduledScalingSuspended: true}, Tags: [{Key: a, Value: b}],
        ScheduledActions: [{ScheduledActionName: a, Schedule: rate(1 day), StartTime: "2027-01-01T00:00:00Z", ScalableTargetAction: {MinCapacity: 2}}]}""",
        """{ServiceNamespace: dynamodb, ResourceId: table/abc, ScalableDimension: "dynamodb:table:ReadCapacityUnits", MinCapacity: 2,
        MaxCapacity: 6, Tags: [{Key: c, Value: d}],
        ScheduledActions: [{ScheduledActionName: b, Schedule: rate(2 days), Timezone: Asia/Tokyo, ScalableTargetAction: {MaxCapacity: 9}}]}""",
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        """{PolicyName: p, PolicyType: TargetTrackingScaling, ScalingTargetId: "table/abc|dynamodb:table:ReadCapacityUnits|dynamodb",
        TargetTrackingScalingPolicyConfiguration: {TargetValue: 70, PredefinedMetricSpecification: {PredefinedMetricType: DynamoDBReadCapacityUtilization}}}""",
        """{PolicyName: p, PolicyType: TargetTrackingScaling, ScalingTargetId: "table/abc|dynamodb:table:ReadCapacityUnits|dynamodb",
        TargetTrackingScalingPolicyConfiguration: {TargetValue: 60, PredefinedMetricSpecification: {PredefinedMetricType: DynamoDBReadCapacityUtilization}}}""",
    ),
    "AWS::Scheduler::ScheduleGroup": ("{Tags: [{Key: a, Value: b}]}", "{Tags: [{Key: c, Value: d}]}"),
    "AWS::SecretsManager::Secret": (
        """{Description: d, KmsKeyId: k, GenerateSecretString: {SecretStringTemplate: '{"user": "a"}', GenerateStringKey: word,
        PasswordLength: 20}, ReplicaRegions: [{Region: eu-west-1}], Tags: [{Key: a, Value: b}]}""",
        "{SecretString: x, ReplicaRegions: [{Region: eu-central-1}], Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::SecretsManager::RotationSchedule": (
        "{SecretId: s, RotationLambdaARN: 'arn:aws:lambda:us-east-1:123456789012:function:f', RotationRules: {AutomaticallyAfterDays: 3}, "
        "RotateImmediatelyOnUpdate: false}",
        "{SecretId: s, RotationLambdaARN: 'arn:aws:lambda:us-east-1:123456789012:function:f', RotationRules: {ScheduleExpression: rate(4 days), "
        "Duration: 3h}, RotateImmediatelyOnUpdate: false}",
    ),
    "AWS::SecretsManager::SecretTargetAttachment": (
        "{SecretId: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:s-abcdef', TargetId: orders, TargetType: 'AWS::RDS::DBInstance'}",
        "{SecretId: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:s-abcdef', TargetId: shop, TargetType: 'AWS::RDS::DBCluster'}",
    ),
    "AWS::SecretsManager::ResourcePolicy": (
        f"{{SecretId: s, ResourcePolicy: {DOCUMENT}, BlockPublicPolicy: true}}",
        f"{{SecretId: s, ResourcePolicy: {CHANGED_DOCUMENT}}}",
    ),
    "AWS::SSM::Document": (
        """{Content: {schemaVersion: "0.3", mainSteps: [{name: rest, action: "aws:sleep", inputs: {Duration: PT1S}}]}, DocumentType: Automation,
        DocumentFormat: JSON, TargetType: /AWS::S3::Bucket, VersionName: one, UpdateMethod: NewVersion, Tags: [{Key: a, Value: b}]}""",
        """{Content: {schemaVersion: "0.3", mainSteps: [{name: rest, action: "aws:sleep", inputs: {Duration: PT2S}}]}, DocumentType: Automation,
        DocumentFormat: JSON, TargetType: /AWS::S3::Object, VersionName: two, UpdateMethod: NewVersion, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::SSM::MaintenanceWindow": (
        "{Name: nightly, Schedule: rate(1 day), Duration: 2, Cutoff: 1, AllowUnassociatedTargets: true, Tags: [{Key: a, Value: b}]}",
        """{Name: nightly, Schedule: rate(2 days), Duration: 3, Cutoff: 1, AllowUnassociatedTargets: false, Description: d, EndDate: "2031-01-01T00:00:00Z",
        ScheduleTimezone: UTC, StartDate: "2030-01-02T00:00:00Z", Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::SSM::MaintenanceWindowTask": (
        "{WindowId: mw-0123456789abcdef0, TaskType: LAMBDA, TaskArn: a, ServiceRoleArn: r, Priority: 1}",
        """{WindowId: mw-0123456789abcdef0, TaskType: LAMBDA, TaskArn: b, ServiceRoleArn: r, Priority: 2, Name: one, Description: d,
        CutoffBehavior: CANCEL_TASK, TaskInvocationParameters: {MaintenanceWindowLambdaParameters: {Payload: "e30="}}}""",
    ),
    "AWS::SSM::Parameter": (
        "{Type: String, Value: v, Description: d, AllowedPattern: .*, DataType: text, Tier: Advanced, Policies: '[]', Tags: {a: b}}",
        "{Type: StringList, Value: w, Tags: {c: d}}",
    ),
    "AWS::Cognito::UserPool": (
        """{AliasAttributes: [email], AutoVerifiedAttributes: [email], MfaConfiguration: OPTIONAL, EnabledMfas: [SOFTWARE_TOKEN_MFA],
        Schema: [{Name: email, Required: true}], Policies: {PasswordPolicy: {MinimumLength: 9}}, UserPoolTags: {a: b}}""",
        "{AliasAttributes: [email], Schema: [{Name: email, Required: true}], DeletionProtection: ACTIVE, UserPoolTags: {c: d}}",
    ),
    "AWS::Cognito::UserPoolClient": (
        "{UserPoolId: us-east-1_u, GenerateSecret: true, ExplicitAuthFlows: [ALLOW_USER_SRP_AUTH], CallbackURLs: ['https://a.example']}",
        "{UserPoolId: us-east-1_u, GenerateSecret: true, AccessTokenValidity: 5, TokenValidityUnits: {AccessToken: minutes}}",
    ),
    "AWS::Cognito::UserPoolDomain": ("{UserPoolId: us-east-1_u, Domain: a}", "{UserPoolId: us-east-1_u, Domain: b}"),
    "AWS::Cognito::UserPoolGroup": ("{UserPoolId: us-east-1_u, Precedence: 1}", "{UserPoolId: us-east-1_u, Description: d, Precedence: 2}"),
    "AWS::Cognito::UserPoolIdentityProvider": (
        "{UserPoolId: us-east-1_u, ProviderName: Corp, ProviderType: OIDC, ProviderDetails: {client_id: c}}",
        """{UserPoolId: us-east-1_u, ProviderName: Corp, ProviderType: OIDC, ProviderDetails: {client_id: d}, AttributeMapping: {email: email},
        IdpIdentifiers: [corp]}""",
    ),
    "AWS::Cognito::UserPoolResourceServer": (
        "{UserPoolId: us-east-1_u, Identifier: i, Name: n, Scopes: [{ScopeName: r, ScopeDescription: d}]}",
        "{UserPoolId: us-east-1_u, Identifier: i, Name: m}",
    ),
    "AWS::Cognito::UserPoolUser": ("{UserPoolId: us-east-1_u, Username: a, UserAttributes: [{Name: email, Value: a@b.c}]}", "{UserPoolId: us-east-1_u, Username: b}"),
    "AWS::Cognito::UserPoolUserToGroupAttachment": ("{UserPoolId: us-east-1_u, Username: a, GroupName: g}", "{UserPoolId: us-east-1_u, Username: b, GroupName: g}"),
    "AWS::Cognito::IdentityPool": (
        "{AllowUnauthenticatedIdentities: true, CognitoIdentityProviders: [{ProviderName: p, ClientId: c}], IdentityPoolTags: [{Key: a, Value: b}]}",
        "{AllowUnauthenticatedIdentities: false, AllowClassicFlow: true, IdentityPoolTags: [{Key: c, Value: d}]}",
    ),
    "AWS::Cognito::IdentityPoolRoleAttachment": (
        "{IdentityPoolId: i, Roles: {authenticated: 'arn:aws:iam::000000000000:role/r'}}",
        """{IdentityPoolId: i, Roles: {authenticated: 'arn:aws:iam::000000000000:role/s'}, RoleMappings: {m: {IdentityProvider: 'p:c', Type: Token,
        AmbiguousRoleResolution: Deny}}}""",
    ),
    "AWS::AccessAnalyzer::Analyzer": (
        """{AnalyzerName: a, Type: ACCOUNT_UNUSED_ACCESS, AnalyzerConfiguration: {UnusedAccessConfiguration: {UnusedAccessAge: 30,
        AnalysisRule: {Exclusions: [{ResourceTags: [[{Key: team, Value: red}]]}]}}},
        ArchiveRules: [{RuleName: r, Filter: [{Property: resource, Contains: [dev]}]}, {RuleName: s, Filter: [{Property: error, Exists: true}]}],
        Tags: [{Key: a, Value: b}]}""",
        """{AnalyzerName: a, Type: ACCOUNT_UNUSED_ACCESS, AnalyzerConfiguration: {UnusedAccessConfiguration: {UnusedAccessAge: 30}},
        ArchiveRules: [{RuleName: r, Filter: [{Property: resource, Eq: [x], Neq: [y]}]}, {RuleName: t, Filter: [{Property: isPublic, Eq: ["true"]}]}],
        Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::GuardDuty::Detector": (
        "{Enable: true, FindingPublishingFrequency: ONE_HOUR, Features: [{Name: S3_DATA_EVENTS, Status: ENABLED}], Tags: [{Key: a, Value: b}]}",
        "{Enable: false, FindingPublishingFrequency: SIX_HOURS, Features: [{Name: S3_DATA_EVENTS, Status: DISABLED}], Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::GuardDuty::Filter": (
        "{DetectorId: d, Name: low, Action: ARCHIVE, Description: a, Rank: 1, FindingCriteria: {Criterion: {severity: {Lt: 4}}}, Tags: [{Key: a, Value: b}]}",
        "{DetectorId: d, Name: low, Action: NOOP, Description: b, Rank: 2, FindingCriteria: {Criterion: {type: {Eq: [x]}}}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::GuardDuty::IPSet": (
        "{DetectorId: d, Name: a, Format: TXT, Location: 's3://b/k', Activate: true, ExpectedBucketOwner: '000000000000', Tags: [{Key: a, Value: b}]}",
        "{DetectorId: d, Name: b, Format: TXT, Location: 's3://b/l', Activate: false, ExpectedBucketOwner: '000000000000', Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::GuardDuty::ThreatIntelSet": (
        "{DetectorId: d, Name: a, Format: TXT, Location: 's3://b/k', Activate: true, ExpectedBucketOwner: '000000000000', Tags: [{Key: a, Value: b}]}",
        "{DetectorId: d, Name: b, Format: TXT, Location: 's3://b/l', Activate: false, ExpectedBucketOwner: '000000000000', Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::SecurityHub::Hub": (
        "{EnableDefaultStandards: false, ControlFindingGenerator: SECURITY_CONTROL, AutoEnableControls: false, Tags: {a: b}}",
        "{EnableDefaultStandards: false, ControlFindingGenerator: STANDARD_CONTROL, AutoEnableControls: true, Tags: {c: d}}",
    ),
    "AWS::SecurityHub::Standard": (
        "{StandardsArn: 'arn:aws:securityhub:us-east-1::standards/x/v/1', DisabledStandardsControls: [{StandardsControlArn: 'arn:aws:securityhub:a', Reason: r}]}",
        "{StandardsArn: 'arn:aws:securityhub:us-east-1::standards/x/v/1', DisabledStandardsControls: [{StandardsControlArn: 'arn:aws:securityhub:b', Reason: r}]}",
    ),
    "AWS::SecurityHub::Insight": (
        "{Name: n, GroupByAttribute: ResourceId, Filters: {RecordState: [{Value: ACTIVE, Comparison: EQUALS}], Confidence: [{Gte: 5}]}}",
        "{Name: m, GroupByAttribute: Type, Filters: {Title: [{Value: a, Comparison: PREFIX}]}}",
    ),
    "AWS::SecurityHub::AutomationRule": (
        """{RuleName: r, Description: d, RuleOrder: 1, RuleStatus: ENABLED, Criteria: {Confidence: [{Gte: 5}]}, Tags: {a: b},
        Actions: [{Type: FINDING_FIELDS_UPDATE, FindingFieldsUpdate: {Workflow: {Status: SUPPRESSED}}}]}""",
        """{RuleName: r, Description: e, RuleOrder: 2, IsTerminal: true, Criteria: {Confidence: [{Gte: 5}]}, Tags: {c: d},
        Actions: [{Type: FINDING_FIELDS_UPDATE, FindingFieldsUpdate: {Confidence: 1}}]}""",
    ),
    "AWS::CertificateManager::Certificate": (
        """{DomainName: a.example, ValidationMethod: DNS, SubjectAlternativeNames: [b.a.example], CertificateExport: ENABLED,
        CertificateTransparencyLoggingPreference: ENABLED, DomainValidationOptions: [{DomainName: a.example, HostedZoneId: Z1}],
        KeyAlgorithm: RSA_2048, Tags: [{Key: a, Value: b}]}""",
        """{DomainName: a.example, ValidationMethod: DNS, SubjectAlternativeNames: [b.a.example], CertificateExport: ENABLED,
        CertificateTransparencyLoggingPreference: DISABLED, DomainValidationOptions: [{DomainName: a.example, HostedZoneId: Z1}],
        KeyAlgorithm: RSA_2048, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::KMS::Key": (
        f"""{{KeyPolicy: {DOCUMENT}, Description: d, EnableKeyRotation: true, RotationPeriodInDays: 90, PendingWindowInDays: 7,
        Tags: [{{Key: a, Value: b}}]}}""",
        f"{{KeyPolicy: {DOCUMENT}, Description: e, Enabled: false, Tags: [{{Key: c, Value: d}}]}}",
    ),
    "AWS::KMS::ReplicaKey": (
        f"""{{PrimaryKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/mrk-1', KeyPolicy: {DOCUMENT}, Description: d, PendingWindowInDays: 7,
        Tags: [{{Key: a, Value: b}}]}}""",
        f"""{{PrimaryKeyArn: 'arn:aws:kms:us-east-1:123456789012:key/mrk-1', KeyPolicy: {DOCUMENT}, Description: e, Enabled: false,
        Tags: [{{Key: c, Value: d}}]}}""",
    ),
    "AWS::KMS::Alias": ("{AliasName: alias/a, TargetKeyId: k}", "{AliasName: alias/a, TargetKeyId: l}"),
    "AWS::Logs::Destination": (
        "{DestinationName: d, TargetArn: 'arn:t', RoleArn: 'arn:r', DestinationPolicy: '{}'}",
        "{DestinationName: d, TargetArn: 'arn:u', RoleArn: 'arn:r', DestinationPolicy: '[]'}",
    ),
    "AWS::Logs::DeliverySource": (
        "{Name: s, ResourceArn: 'arn:aws:cloudfront::123456789012:distribution/E1', LogType: ACCESS_LOGS, Tags: [{Key: a, Value: b}]}",
        "{Name: s, ResourceArn: 'arn:aws:cloudfront::123456789012:distribution/E2', LogType: ACCESS_LOGS, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Logs::DeliveryDestination": (
        """{Name: d, DestinationResourceArn: 'arn:aws:s3:::bucket', OutputFormat: json, DeliveryDestinationType: S3, Tags: [{Key: a, Value: b}],
        DeliveryDestinationPolicy: {DeliveryDestinationName: d, DeliveryDestinationPolicy: {Version: '2012-10-17'}}}""",
        "{Name: d, DestinationResourceArn: 'arn:aws:s3:::bucket', OutputFormat: json, DeliveryDestinationType: S3, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Logs::Delivery": (
        """{DeliverySourceName: s, DeliveryDestinationArn: 'arn:aws:logs:us-east-1:123456789012:delivery-destination:d', RecordFields: [date],
        FieldDelimiter: x, S3SuffixPath: y, S3EnableHiveCompatiblePath: true, Tags: [{Key: a, Value: b}]}""",
        """{DeliverySourceName: s, DeliveryDestinationArn: 'arn:aws:logs:us-east-1:123456789012:delivery-destination:d', RecordFields: [time],
        FieldDelimiter: z, S3SuffixPath: w, S3EnableHiveCompatiblePath: false, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::Logs::LogAnomalyDetector": (
        "{LogGroupArnList: ['arn:aws:logs:us-east-1:123456789012:log-group:g'], DetectorName: d, EvaluationFrequency: FIVE_MIN, FilterPattern: a, AnomalyVisibilityTime: 7}",
        "{LogGroupArnList: ['arn:aws:logs:us-east-1:123456789012:log-group:g'], DetectorName: d, EvaluationFrequency: ONE_HOUR}",
    ),
    "AWS::Logs::AccountPolicy": (
        "{PolicyName: p, PolicyType: FIELD_INDEX_POLICY, PolicyDocument: '{\"Fields\": [\"a\"]}', Scope: ALL, SelectionCriteria: 'LogGroupNamePrefix = \"a\"'}",
        "{PolicyName: p, PolicyType: FIELD_INDEX_POLICY, PolicyDocument: '{\"Fields\": [\"b\"]}', Scope: ALL}",
    ),
    "AWS::Logs::ScheduledQuery": (
        "{Name: n, QueryLanguage: CWLI, QueryString: fields a, LogGroupIdentifiers: [g], ScheduleExpression: cron(0 * * * ? *), Timezone: UTC, StartTimeOffset: 60, ExecutionRoleArn: 'arn:aws:iam::123456789012:role/r', State: ENABLED, Description: d, Tags: [{Key: a, Value: b}]}",
        "{Name: n, QueryLanguage: CWLI, QueryString: fields b, ScheduleExpression: cron(1 * * * ? *), ExecutionRoleArn: 'arn:aws:iam::123456789012:role/r', ScheduleStartTime: 1, ScheduleEndTime: 2, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Logs::Transformer": (
        "{LogGroupIdentifier: g, TransformerConfig: [{ParseJSON: {Source: '@message'}}, {AddKeys: {Entries: [{Key: a, Value: b, OverwriteIfExists: true}]}}]}",
        "{LogGroupIdentifier: g, TransformerConfig: [{Csv: {Columns: [a]}}]}",
    ),
    "AWS::Logs::QueryDefinition": (
        "{Name: n, QueryString: fields a, LogGroupNames: [g], QueryLanguage: CWLI}",
        "{Name: m, QueryString: fields b}",
    ),
    "AWS::Logs::SubscriptionFilter": (
        "{LogGroupName: g, FilterPattern: a, DestinationArn: 'arn:d', RoleArn: 'arn:r'}",
        "{LogGroupName: g, FilterPattern: b, DestinationArn: 'arn:d', Distribution: Random}",
    ),
    "AWS::KinesisFirehose::DeliveryStream": (
        """{ExtendedS3DestinationConfiguration: {RoleARN: 'arn:r', BucketARN: 'arn:aws:s3:::b'}, Tags: [{Key: a, Value: b}],
        DeliveryStreamEncryptionConfigurationInput: {KeyType: CUSTOMER_MANAGED_CMK, KeyARN: 'arn:aws:kms:eu-west-1:123456789012:key/k'}}""",
        "{ExtendedS3DestinationConfiguration: {RoleARN: 'arn:r', BucketARN: 'arn:aws:s3:::c'}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::EC2::DHCPOptions": ("{DomainName: a.example, DomainNameServers: [AmazonProvidedDNS], Tags: [{Key: a, Value: b}]}", "{DomainName: a.example, DomainNameServers: [AmazonProvidedDNS], Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::EIP": ("{Domain: vpc, Tags: [{Key: a, Value: b}]}", "{Domain: vpc, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::EIPAssociation": ("{AllocationId: a, NetworkInterfaceId: e}", "{AllocationId: b, NetworkInterfaceId: e, PrivateIpAddress: 10.0.0.5}"),
    "AWS::EC2::EgressOnlyInternetGateway": ("{VpcId: v, Tags: [{Key: a, Value: b}]}", "{VpcId: v, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::InternetGateway": ("{Tags: [{Key: a, Value: b}]}", "{Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::NatGateway": ("{SubnetId: s, AllocationId: a, ConnectivityType: public, Tags: [{Key: a, Value: b}]}", "{SubnetId: s, AllocationId: a, ConnectivityType: public, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::NetworkAcl": ("{VpcId: v, Tags: [{Key: a, Value: b}]}", "{VpcId: v, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::NetworkAclEntry": (
        "{NetworkAclId: a, RuleNumber: 100, Protocol: 6, RuleAction: allow, CidrBlock: 10.0.0.0/8, PortRange: {From: 1, To: 2}}",
        "{NetworkAclId: a, RuleNumber: 100, Protocol: 1, RuleAction: deny, CidrBlock: 10.0.0.0/8, Icmp: {Type: -1, Code: -1}}",
    ),
    "AWS::EC2::NetworkInterface": (
        "{SubnetId: s, Description: a, GroupSet: [g], SourceDestCheck: false, PrivateIpAddress: 10.0.0.5, Tags: [{Key: a, Value: b}]}",
        "{SubnetId: s, Description: b, GroupSet: [h], PrivateIpAddress: 10.0.0.5, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::EC2::PrefixList": (
        "{AddressFamily: IPv4, MaxEntries: 2, PrefixListName: a, Entries: [{Cidr: 10.0.0.0/8}], Tags: [{Key: a, Value: b}]}",
        "{AddressFamily: IPv4, MaxEntries: 3, PrefixListName: b, Entries: [{Cidr: 10.0.0.0/8, Description: x}], Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::EC2::Route": ("{RouteTableId: r, DestinationCidrBlock: 0.0.0.0/0, GatewayId: igw-1}", "{RouteTableId: r, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: nat-1}"),
    "AWS::EC2::RouteTable": ("{VpcId: v, Tags: [{Key: a, Value: b}]}", "{VpcId: v, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::SecurityGroup": (
        """{GroupDescription: d, VpcId: v, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8, Description: a}],
        SecurityGroupEgress: [{IpProtocol: "-1", DestinationSecurityGroupId: g}], Tags: [{Key: a, Value: b}]}""",
        """{GroupDescription: d, VpcId: v, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8, Description: b},
        {IpProtocol: tcp, FromPort: 3, ToPort: 3, SourcePrefixListId: p}], Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::EC2::SecurityGroupEgress": ("{GroupId: g, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIpv6: '::/0', Description: a}", "{GroupId: g, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIpv6: '::/0'}"),
    "AWS::EC2::SecurityGroupIngress": ("{GroupId: g, IpProtocol: tcp, FromPort: 1, ToPort: 1, SourceSecurityGroupId: h, Description: a}", "{GroupId: g, IpProtocol: tcp, FromPort: 1, ToPort: 1, SourceSecurityGroupId: h, Description: b}"),
    "AWS::EC2::Subnet": (
        "{VpcId: v, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a, MapPublicIpOnLaunch: true, Tags: [{Key: a, Value: b}]}",
        "{VpcId: v, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a, PrivateDnsNameOptionsOnLaunch: {HostnameType: resource-name, EnableResourceNameDnsARecord: true}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::EC2::SubnetNetworkAclAssociation": ("{SubnetId: s, NetworkAclId: a}", "{SubnetId: s, NetworkAclId: b}"),
    "AWS::EC2::SubnetRouteTableAssociation": ("{SubnetId: s, RouteTableId: a}", "{SubnetId: s, RouteTableId: b}"),
    "AWS::EC2::VPC": ("{CidrBlock: 10.0.0.0/16, EnableDnsHostnames: true, EnableDnsSupport: true, Tags: [{Key: a, Value: b}]}", "{CidrBlock: 10.0.0.0/16, EnableDnsSupport: false, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::VPCCidrBlock": ("{VpcId: v, CidrBlock: 10.1.0.0/16}", "{VpcId: v, CidrBlock: 10.2.0.0/16}"),
    "AWS::EC2::VPCDHCPOptionsAssociation": ("{VpcId: v, DhcpOptionsId: a}", "{VpcId: v, DhcpOptionsId: b}"),
    "AWS::EC2::VPCEndpoint": (
        "{VpcId: v, ServiceName: s, VpcEndpointType: Interface, SubnetIds: [s], SecurityGroupIds: [g], PrivateDnsEnabled: true, Tags: [{Key: a, Value: b}]}",
        "{VpcId: v, ServiceName: s, VpcEndpointType: Interface, SubnetIds: [t], SecurityGroupIds: [g], PolicyDocument: {Statement: []}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::EC2::VPCGatewayAttachment": ("{VpcId: v, InternetGatewayId: a}", "{VpcId: v, InternetGatewayId: b}"),
    "AWS::EC2::VPCPeeringConnection": ("{VpcId: v, PeerVpcId: w, Tags: [{Key: a, Value: b}]}", "{VpcId: v, PeerVpcId: w, Tags: [{Key: c, Value: d}]}"),
    "AWS::EC2::SnapshotBlockPublicAccess": ("{State: block-all-sharing}", "{State: block-new-sharing}"),
    "AWS::EC2::Volume": (
        "{AvailabilityZone: us-east-1a, Size: 10, VolumeType: gp3, Iops: 3000, AutoEnableIO: true, Encrypted: true, KmsKeyId: k, Tags: [{Key: a, Value: b}]}",
        "{AvailabilityZone: us-east-1a, Size: 20, VolumeType: gp3, Iops: 4000, Throughput: 250, AutoEnableIO: false, Encrypted: true, KmsKeyId: k, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::ECR::Repository": (
        """{ImageTagMutability: IMMUTABLE, ImageScanningConfiguration: {ScanOnPush: false}, EncryptionConfiguration: {EncryptionType: AES256},
        LifecyclePolicy: {LifecyclePolicyText: '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan",
        "countNumber": 5}, "action": {"type": "expire"}}]}'}, RepositoryPolicyText: {Version: '2012-10-17', Statement: [{Effect: Allow,
        Principal: '*', Action: 'ecr:BatchGetImage'}]}, EmptyOnDelete: true, Tags: [{Key: a, Value: b}]}""",
        "{ImageTagMutability: MUTABLE_WITH_EXCLUSION, ImageTagMutabilityExclusionFilters: [{ImageTagMutabilityExclusionFilterType: WILDCARD, ImageTagMutabilityExclusionFilterValue: 'v*'}], EncryptionConfiguration: {EncryptionType: AES256}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::XRay::Group": (
        "{GroupName: g, FilterExpression: fault, InsightsConfiguration: {InsightsEnabled: false}, Tags: [{Key: a, Value: b}]}",
        "{GroupName: g, FilterExpression: error, InsightsConfiguration: {NotificationsEnabled: false}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::XRay::SamplingRule": tuple(
        f"""{{SamplingRule: {{RuleName: r, ResourceARN: '*', Priority: 5, FixedRate: {rate}, ReservoirSize: 1, ServiceName: '*', ServiceType: '*',
        Host: '*', HTTPMethod: '*', URLPath: '*', Version: 1}}, Tags: [{{Key: {key}, Value: b}}]}}"""
        for rate, key in ((0.5, "a"), (0.25, "c"))
    ),
    "AWS::XRay::ResourcePolicy": (
        "{PolicyName: p, PolicyDocument: '{}', BypassPolicyLockoutCheck: true}", "{PolicyName: p, PolicyDocument: '[]', BypassPolicyLockoutCheck: false}",
    ),
    "AWS::CloudWatch::MetricStream": (
        """{Name: s, FirehoseArn: "arn:aws:firehose:eu-west-1:123456789012:deliverystream/d", RoleArn: "arn:aws:iam::123456789012:role/r", OutputFormat: json,
        IncludeFilters: [{Namespace: n, MetricNames: [m]}], Tags: [{Key: a, Value: b}]}""",
        """{Name: s, FirehoseArn: "arn:aws:firehose:eu-west-1:123456789012:deliverystream/e", RoleArn: "arn:aws:iam::123456789012:role/s", OutputFormat: json,
        ExcludeFilters: [{Namespace: n}], Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::CloudWatch::AlarmMuteRule": (
        """{Description: d, Rule: {Schedule: {Expression: "cron(0 2 * * SUN)", Duration: PT4H, Timezone: UTC}}, MuteTargets: {AlarmNames: [a]},
        StartDate: "2029-07-01T23:59:00Z", ExpireDate: "2031-07-01T23:59:00Z", Tags: [{Key: a, Value: b}]}""",
        """{Rule: {Schedule: {Expression: "at(2030-05-10T14:00)", Duration: PT1H}}, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::CloudWatch::InsightRule": (
        "{RuleName: r, RuleBody: b, RuleState: ENABLED, Tags: [{Key: a, Value: b}]}", "{RuleName: r, RuleBody: c, RuleState: DISABLED, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::CloudWatch::AnomalyDetector": (
        """{Namespace: n, MetricName: m, Stat: Sum, Dimensions: [{Name: a, Value: b}], MetricCharacteristics: {PeriodicSpikes: true},
        Configuration: {MetricTimeZone: UTC, ExcludedTimeRanges: [{StartTime: "2029-07-01T23:59:59", EndTime: "2029-07-02T23:59:59"}]}}""",
        """{Namespace: n, MetricName: m, Stat: Sum, Dimensions: [{Name: a, Value: b}], MetricCharacteristics: {PeriodicSpikes: true},
        Configuration: {MetricTimeZone: Asia/Tokyo}}""",
    ),
    "AWS::ApplicationSignals::Discovery": ("{}", "{}"),
    "AWS::ApplicationSignals::ServiceLevelObjective": (
        """{Name: slo, Description: a, Sli: {SliMetric: {KeyAttributes: {Type: Service, Name: n, Environment: e}, OperationName: o, MetricType: LATENCY,
        Statistic: p99, PeriodSeconds: 60}, MetricThreshold: 200, ComparisonOperator: LessThan}, Goal: {Interval: {RollingInterval: {DurationUnit: DAY,
        Duration: 7}}, AttainmentGoal: 99}, BurnRateConfigurations: [{LookBackWindowMinutes: 60}], ExclusionWindows: [{Window: {DurationUnit: HOUR,
        Duration: 1}, StartTime: "2030-01-01T00:00:00Z"}], Tags: [{Key: a, Value: b}]}""",
        """{Name: slo, Description: b, Sli: {SliMetric: {KeyAttributes: {Type: Service, Name: n, Environment: e}, OperationName: o, MetricType: AVAILABILITY},
        MetricThreshold: 99, ComparisonOperator: GreaterThan}, ExclusionWindows: [{Window: {DurationUnit: DAY, Duration: 1}, RecurrenceRule:
        {Expression: rate(30 days)}}], Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::XRay::TransactionSearchConfig": ("{IndexingPercentage: 5}", "{IndexingPercentage: 6}"),
    "AWS::Kinesis::Stream": (
        "{ShardCount: 1, RetentionPeriodHours: 48, StreamEncryption: {EncryptionType: KMS, KeyId: k}, Tags: [{Key: a, Value: b}]}",
        "{StreamModeDetails: {StreamMode: ON_DEMAND}, Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Kinesis::StreamConsumer": (
        "{StreamARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', ConsumerName: c, Tags: [{Key: a, Value: b}]}",
        "{StreamARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/s', ConsumerName: d}",
    ),
    "AWS::ApiGatewayV2::Api": (
        """{Name: n, ProtocolType: HTTP, Description: d, Version: "1", CorsConfiguration: {AllowOrigins: ["*"], MaxAge: 5},
        DisableExecuteApiEndpoint: true, IpAddressType: ipv4, Tags: {a: b}}""",
        "{Name: m, ProtocolType: HTTP, Description: e, Version: '2', DisableExecuteApiEndpoint: false, IpAddressType: dualstack, Tags: {c: d}}",
    ),
    "AWS::ApiGatewayV2::Route": (
        """{ApiId: a, RouteKey: GET /a, Target: integrations/i, AuthorizationType: JWT, AuthorizerId: j, AuthorizationScopes: [s],
        OperationName: o, ApiKeyRequired: false, ModelSelectionExpression: m, RequestModels: {m: n},
        RequestParameters: {route.request.querystring.a: {Required: true}}, RouteResponseSelectionExpression: $default}""",
        """{ApiId: a, RouteKey: GET /b, Target: integrations/k, AuthorizerId: k, OperationName: q, ModelSelectionExpression: m,
        RouteResponseSelectionExpression: $default}""",
    ),
    "AWS::ApiGatewayV2::RouteResponse": (
        "{ApiId: a, RouteId: r, RouteResponseKey: $default, ModelSelectionExpression: m, ResponseModels: {m: n}, ResponseParameters: {a: {Required: true}}}",
        "{ApiId: a, RouteId: r, RouteResponseKey: $default, ModelSelectionExpression: o, ResponseModels: {m: q}, ResponseParameters: {b: {Required: true}}}",
    ),
    "AWS::ApiGatewayV2::Integration": (
        """{ApiId: a, IntegrationType: HTTP_PROXY, IntegrationUri: "https://a.example", IntegrationMethod: ANY, PayloadFormatVersion: "1.0",
        Description: d, TimeoutInMillis: 100, RequestParameters: {"append:header.a": "1", "append:header.b": "2"},
        ResponseParameters: {"200": {ResponseParameters: [{Destination: "append:header.a", Source: "1"}]}}, RequestTemplates: {a: b}}""",
        """{ApiId: a, IntegrationType: HTTP_PROXY, IntegrationUri: "https://b.example", IntegrationMethod: GET, PayloadFormatVersion: "1.0",
        Description: e, TimeoutInMillis: 200, RequestParameters: {"append:header.a": "3"}}""",
    ),
    "AWS::ApiGatewayV2::IntegrationResponse": (
        "{ApiId: a, IntegrationId: i, IntegrationResponseKey: /200/, ResponseTemplates: {a: b}, TemplateSelectionExpression: t}",
        "{ApiId: a, IntegrationId: i, IntegrationResponseKey: $default, ResponseTemplates: {a: c}, TemplateSelectionExpression: u}",
    ),
    "AWS::ApiGatewayV2::Authorizer": (
        """{ApiId: a, Name: n, AuthorizerType: JWT, IdentitySource: [$request.header.Authorization],
        JwtConfiguration: {Audience: [a], Issuer: "https://i.example"}}""",
        """{ApiId: a, Name: m, AuthorizerType: JWT, IdentitySource: [$request.header.Other],
        JwtConfiguration: {Audience: [b], Issuer: "https://i.example"}}""",
    ),
    "AWS::ApiGatewayV2::Model": (
        "{ApiId: a, Name: n, ContentType: application/json, Description: d, Schema: {type: object}}",
        "{ApiId: a, Name: m, ContentType: application/json, Description: e, Schema: {type: string}}",
    ),
    "AWS::ApiGatewayV2::Deployment": ("{ApiId: a, Description: d, StageName: s}", "{ApiId: a, Description: e, StageName: s}"),
    "AWS::ApiGatewayV2::Stage": (
        """{ApiId: a, StageName: s, AutoDeploy: true, Description: d, StageVariables: {a: b}, RouteSettings: {GET /a: {ThrottlingBurstLimit: 1}},
        DefaultRouteSettings: {ThrottlingRateLimit: 2}, AccessLogSettings: {DestinationArn: d, Format: f}, Tags: {a: b}}""",
        "{ApiId: a, StageName: s, AutoDeploy: false, DeploymentId: d, Description: e, StageVariables: {c: d}, Tags: {c: d}}",
    ),
    "AWS::ApiGatewayV2::DomainName": (
        "{DomainName: a.example, DomainNameConfigurations: [{CertificateArn: c, EndpointType: REGIONAL}], RoutingMode: API_MAPPING_ONLY, Tags: {a: b}}",
        "{DomainName: a.example, DomainNameConfigurations: [{CertificateArn: d, SecurityPolicy: TLS_1_2}], RoutingMode: API_MAPPING_ONLY, Tags: {c: d}}",
    ),
    "AWS::ApiGatewayV2::ApiMapping": (
        "{DomainName: a.example, ApiId: a, Stage: s, ApiMappingKey: k}",
        "{DomainName: a.example, ApiId: b, Stage: t}",
    ),
    "AWS::ApiGateway::RestApi": (
        """{Name: a, Description: d, BinaryMediaTypes: [image/png], EndpointConfiguration: {Types: [EDGE]}, Tags: [{Key: a, Value: b}],
        Body: {swagger: "2.0", info: {title: t}}}""",
        """{Name: b, BinaryMediaTypes: [image/gif], EndpointConfiguration: {Types: [REGIONAL]}, MinimumCompressionSize: 5,
        Policy: {Statement: []}, Body: {swagger: "2.0", info: {title: u}}, FailOnWarnings: true}""",
    ),
    "AWS::ApiGateway::Resource": (
        "{RestApiId: a, ParentId: p, PathPart: x}",
        "{RestApiId: a, ParentId: p, PathPart: y}",
    ),
    "AWS::ApiGateway::Method": (
        """{RestApiId: a, ResourceId: r, HttpMethod: GET, AuthorizationType: NONE, MethodResponses: [{StatusCode: 200}],
        Integration: {Type: MOCK, RequestTemplates: {application/json: "{}"}, IntegrationResponses: [{StatusCode: 200}]}}""",
        "{RestApiId: a, ResourceId: r, HttpMethod: GET, AuthorizationType: AWS_IAM, ApiKeyRequired: true}",
    ),
    "AWS::ApiGateway::Deployment": (
        "{RestApiId: a, StageName: s, Description: d}",
        "{RestApiId: a, StageName: s, Description: e}",
    ),
    "AWS::ApiGateway::Stage": (
        """{RestApiId: a, StageName: s, DeploymentId: d, Variables: {a: b}, TracingEnabled: true,
        MethodSettings: [{ResourcePath: /*, HttpMethod: "*", MetricsEnabled: true}], AccessLogSetting: {DestinationArn: d, Format: f},
        CacheClusterEnabled: true, CacheClusterSize: "0.5", CanarySetting: {PercentTraffic: 5, DeploymentId: e, StageVariableOverrides: {a: b}}}""",
        """{RestApiId: a, StageName: s, DeploymentId: e, Variables: {b: c}, Tags: [{Key: a, Value: b}],
        MethodSettings: [{ResourcePath: /users, HttpMethod: GET, ThrottlingRateLimit: 5}]}""",
    ),
    "AWS::ApiGateway::Model": (
        "{RestApiId: a, Schema: {type: object}}",
        "{RestApiId: a, Schema: {type: string}}",
    ),
    "AWS::ApiGateway::RequestValidator": (
        "{RestApiId: a, Name: n, ValidateRequestBody: true}",
        "{RestApiId: a, Name: n, ValidateRequestBody: false, ValidateRequestParameters: true}",
    ),
    "AWS::ApiGateway::Authorizer": (
        "{RestApiId: a, Name: n, Type: TOKEN, AuthorizerUri: u, IdentitySource: i}",
        "{RestApiId: a, Name: m, Type: TOKEN, AuthorizerUri: v, IdentitySource: i, AuthorizerResultTtlInSeconds: 5}",
    ),
    "AWS::ApiGateway::GatewayResponse": (
        "{RestApiId: a, ResponseType: DEFAULT_4XX, StatusCode: 404}",
        "{RestApiId: a, ResponseType: DEFAULT_4XX, ResponseTemplates: {application/json: x}}",
    ),
    "AWS::ApiGateway::ApiKey": ("{Enabled: true, Description: d}", "{Enabled: false, Description: d}"),
    "AWS::ApiGateway::UsagePlan": (
        "{ApiStages: [{ApiId: a, Stage: s}], Throttle: {BurstLimit: 1, RateLimit: 2}}",
        "{ApiStages: [{ApiId: a, Stage: t}], Throttle: {BurstLimit: 2, RateLimit: 2}, Quota: {Limit: 5, Period: DAY}}",
    ),
    "AWS::ApiGateway::UsagePlanKey": (
        "{KeyId: k, KeyType: API_KEY, UsagePlanId: u}",
        "{KeyId: j, KeyType: API_KEY, UsagePlanId: u}",
    ),
    "AWS::ApiGateway::DomainName": (
        "{DomainName: a.example, CertificateArn: c, EndpointConfiguration: {Types: [EDGE]}, Tags: [{Key: a, Value: b}]}",
        "{DomainName: a.example, RegionalCertificateArn: c, EndpointConfiguration: {Types: [REGIONAL]}, SecurityPolicy: TLS_1_2}",
    ),
    "AWS::ApiGateway::DocumentationPart": (
        "{RestApiId: a, Location: {Type: METHOD, Path: /, Method: GET}, Properties: '{}'}",
        "{RestApiId: a, Location: {Type: METHOD, Path: /, Method: GET}, Properties: '{\"a\": 1}'}",
    ),
    "AWS::ApiGateway::DocumentationVersion": (
        "{RestApiId: a, DocumentationVersion: v, Description: d}",
        "{RestApiId: a, DocumentationVersion: v, Description: e}",
    ),
    "AWS::ApiGateway::ClientCertificate": ("{Description: d}", "{Description: e, Tags: [{Key: a, Value: b}]}"),
    "AWS::ApiGateway::BasePathMapping": (
        "{DomainName: a.example, RestApiId: a, Stage: s}",
        "{DomainName: a.example, RestApiId: b}",
    ),
    "AWS::ApiGateway::Account": ("{CloudWatchRoleArn: r}", "{CloudWatchRoleArn: s}"),
    "AWS::Logs::ResourcePolicy": ("{PolicyName: p, PolicyDocument: '{}'}", "{PolicyName: p, PolicyDocument: '[]'}"),
    "AWS::Logs::LogGroup": (
        "{RetentionInDays: 7, KmsKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/k', FieldIndexPolicies: [{Fields: [a]}], DataProtectionPolicy: {Name: n}, Tags: [{Key: a, Value: b}]}",
        "{Tags: [{Key: c, Value: d}]}",
    ),
    "AWS::Route53::HostedZone": (
        "{Name: shop.example, HostedZoneConfig: {Comment: c}, HostedZoneTags: [{Key: a, Value: b}]}",
        "{Name: shop.example, HostedZoneConfig: {Comment: d}, HostedZoneTags: [{Key: c, Value: d}]}",
    ),
    "AWS::Route53::RecordSet": (
        "{HostedZoneId: Z1, Name: www.shop.example, Type: A, TTL: '60', ResourceRecords: [192.0.2.1], Comment: c}",
        "{HostedZoneId: Z1, Name: www.shop.example, Type: A, SetIdentifier: s, Weight: 1, AliasTarget: {DNSName: d, HostedZoneId: Z2}}",
    ),
    "AWS::Route53::RecordSetGroup": (
        "{HostedZoneId: Z1, RecordSets: [{Name: a.shop.example, Type: A, TTL: '60', ResourceRecords: [192.0.2.1]}]}",
        "{HostedZoneId: Z1, RecordSets: [{Name: b.shop.example, Type: A, TTL: '60', ResourceRecords: [192.0.2.1]}]}",
    ),
    "AWS::Route53::HealthCheck": (
        "{HealthCheckConfig: {Type: HTTP, IPAddress: 127.0.0.1, ResourcePath: /}, HealthCheckTags: [{Key: a, Value: b}]}",
        "{HealthCheckConfig: {Type: HTTP, IPAddress: 127.0.0.1, Port: 81}, HealthCheckTags: [{Key: c, Value: d}]}",
    ),
    "AWS::AppSync::GraphQLApi": (
        """{Name: a, AuthenticationType: API_KEY, ApiType: GRAPHQL, Visibility: GLOBAL, Tags: [{Key: a, Value: b}], OwnerContact: o,
        LogConfig: {FieldLogLevel: ALL, CloudWatchLogsRoleArn: r, ExcludeVerboseContent: true}, EnvironmentVariables: {AB: c},
        AdditionalAuthenticationProviders: [{AuthenticationType: OPENID_CONNECT, OpenIDConnectConfig: {Issuer: i, ClientId: c}},
        {AuthenticationType: AMAZON_COGNITO_USER_POOLS, UserPoolConfig: {UserPoolId: u, AwsRegion: r}}]}""",
        """{Name: b, ApiType: GRAPHQL, Visibility: GLOBAL, AuthenticationType: AWS_LAMBDA, LambdaAuthorizerConfig: {AuthorizerUri: u, AuthorizerResultTtlInSeconds: 5},
        Tags: [{Key: c, Value: d}], IntrospectionConfig: DISABLED, QueryDepthLimit: 5, ResolverCountLimit: 6, XrayEnabled: false}""",
    ),
    "AWS::AppSync::GraphQLSchema": ("{ApiId: a, Definition: 'type Query { a: ID }'}", "{ApiId: a, Definition: 'type Query { b: ID }'}"),
    "AWS::AppSync::ApiCache": (
        "{ApiId: a, Ttl: 60, ApiCachingBehavior: FULL_REQUEST_CACHING, Type: SMALL, TransitEncryptionEnabled: true}",
        "{ApiId: a, Ttl: 61, ApiCachingBehavior: PER_RESOLVER_CACHING, Type: SMALL, TransitEncryptionEnabled: true}",
    ),
    "AWS::AppSync::Api": (
        """{Name: a, OwnerContact: o, Tags: [{Key: a, Value: b}], EventConfig: {AuthProviders: [{AuthType: API_KEY}, {AuthType: AMAZON_COGNITO_USER_POOLS,
        CognitoConfig: {UserPoolId: u, AwsRegion: r, AppIdClientRegex: x}}], ConnectionAuthModes: [{AuthType: API_KEY}],
        DefaultPublishAuthModes: [{AuthType: API_KEY}], DefaultSubscribeAuthModes: [{AuthType: API_KEY}]}}""",
        """{Name: b, Tags: [{Key: c, Value: d}], EventConfig: {AuthProviders: [{AuthType: AWS_LAMBDA, LambdaAuthorizerConfig: {AuthorizerUri: u,
        AuthorizerResultTtlInSeconds: 5}}, {AuthType: OPENID_CONNECT, OpenIDConnectConfig: {Issuer: i}}], ConnectionAuthModes: [{AuthType: AWS_LAMBDA}],
        DefaultPublishAuthModes: [{AuthType: AWS_LAMBDA}], DefaultSubscribeAuthModes: [{AuthType: AWS_LAMBDA}],
        LogConfig: {LogLevel: ALL, CloudWatchLogsRoleArn: r}}}""",
    ),
    "AWS::AppSync::ChannelNamespace": (
        "{ApiId: a, Name: n, Tags: [{Key: a, Value: b}], PublishAuthModes: [{AuthType: API_KEY}], SubscribeAuthModes: [{AuthType: API_KEY}], CodeHandlers: c}",
        """{ApiId: a, Name: n, Tags: [{Key: c, Value: d}], CodeHandlers: d, HandlerConfigs: {OnPublish: {Behavior: DIRECT, Integration: {DataSourceName: s,
        LambdaConfig: {InvokeType: EVENT}}}, OnSubscribe: {Behavior: CODE, Integration: {DataSourceName: s}}}}""",
    ),
    "AWS::AppSync::ApiKey": ("{ApiId: a, Description: d}", "{ApiId: a, Description: d, Expires: 1900000000}"),
    "AWS::AppSync::DataSource": (
        "{ApiId: a, Name: n, Type: AMAZON_DYNAMODB, ServiceRoleArn: r, Description: d, DynamoDBConfig: {TableName: t, AwsRegion: r}}",
        """{ApiId: a, Name: n, Type: HTTP, ServiceRoleArn: r, HttpConfig: {Endpoint: e, AuthorizationConfig: {AuthorizationType: AWS_IAM,
        AwsIamConfig: {SigningRegion: r, SigningServiceName: s}}}, RelationalDatabaseConfig: {RelationalDatabaseSourceType: RDS_HTTP_ENDPOINT,
        RdsHttpEndpointConfig: {AwsRegion: r, DbClusterIdentifier: c, DatabaseName: d, AwsSecretStoreArn: s}}}""",
    ),
    "AWS::AppSync::FunctionConfiguration": (
        "{ApiId: a, Name: n, DataSourceName: d, Code: c, Runtime: {Name: APPSYNC_JS, RuntimeVersion: 1.0.0}, MaxBatchSize: 5}",
        "{ApiId: a, Name: m, DataSourceName: d, RequestMappingTemplate: t, FunctionVersion: 2018-05-29, SyncConfig: {ConflictDetection: NONE}}",
    ),
    "AWS::AppSync::Resolver": (
        "{ApiId: a, TypeName: t, FieldName: f, DataSourceName: d, RequestMappingTemplate: t, ResponseMappingTemplate: u}",
        "{ApiId: a, TypeName: t, FieldName: f, Kind: PIPELINE, PipelineConfig: {Functions: [x]}, Code: c, Runtime: {Name: APPSYNC_JS, RuntimeVersion: 1.0.0}}",
    ),
    "AWS::Logs::LogStream": ("{LogGroupName: g}", "{LogGroupName: h}"),
    "AWS::Logs::MetricFilter": (
        """{LogGroupName: g, FilterName: f, FilterPattern: p, MetricTransformations: [{MetricName: m, MetricNamespace: n, MetricValue: "1",
        Unit: Count, DefaultValue: 0}]}""",
        """{LogGroupName: g, FilterName: f, FilterPattern: q, ApplyOnTransformedLogs: false, MetricTransformations: [{MetricName: m,
        MetricNamespace: n, MetricValue: $.a, Dimensions: [{Key: d, Value: $.d}]}]}""",
    ),
    "AWS::CloudWatch::Alarm": (
        """{MetricName: m, Namespace: n, Statistic: Sum, Period: 60, EvaluationPeriods: 3, DatapointsToAlarm: 2, Threshold: 1, ActionsEnabled: false,
        ComparisonOperator: GreaterThanThreshold, Dimensions: [{Name: a, Value: b}], AlarmActions: [a], OKActions: [b], TreatMissingData: ignore,
        InsufficientDataActions: [c], AlarmDescription: d, Unit: Count, Tags: [{Key: a, Value: b}]}""",
        """{EvaluationPeriods: 1, Threshold: 2, ComparisonOperator: LessThanThreshold, Metrics: [{Id: e, Expression: "1", ReturnData: true, Label: l}],
        Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::CloudWatch::CompositeAlarm": (
        """{AlarmRule: "TRUE", AlarmActions: [a], ActionsSuppressor: s, ActionsSuppressorWaitPeriod: 1, ActionsSuppressorExtensionPeriod: 2,
        Tags: [{Key: a, Value: b}]}""",
        '{AlarmRule: "FALSE", OKActions: [a], Tags: [{Key: c, Value: d}]}',
    ),
    "AWS::CloudWatch::Dashboard": ("{DashboardBody: b, Tags: [{Key: a, Value: b}]}", "{DashboardBody: c, Tags: [{Key: c, Value: d}]}"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        """{Scheme: internal, Subnets: [a, b], SecurityGroups: [g], LoadBalancerAttributes: [{Key: k, Value: v}], Tags: [{Key: a, Value: b}]}""",
        """{Scheme: internal, Subnets: [a, c], SecurityGroups: [h], LoadBalancerAttributes: [{Key: k, Value: w}], Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::ElasticLoadBalancingV2::Listener": (
        """{LoadBalancerArn: arn, Port: 80, Protocol: HTTP, DefaultActions: [{Type: forward, TargetGroupArn: t}], Tags: [{Key: a, Value: b}]}""",
        """{LoadBalancerArn: arn, Port: 443, Protocol: HTTPS, Certificates: [{CertificateArn: c}], SslPolicy: s,
        ListenerAttributes: [{Key: k, Value: v}], DefaultActions: [{Type: redirect, RedirectConfig: {StatusCode: HTTP_301, Port: "443"}}]}""",
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (
        """{ListenerArn: arn, Priority: 1, Actions: [{Type: forward, TargetGroupArn: t}], Conditions: [{Field: path-pattern, Values: [/a]}]}""",
        """{ListenerArn: arn, Priority: 2, Actions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: "200"}}], Tags: [{Key: a, Value: b}],
        Conditions: [{Field: host-header, HostHeaderConfig: {Values: [a.example]}}]}""",
    ),
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": (
        """{ListenerArn: arn, Certificates: [{CertificateArn: a}]}""",
        """{ListenerArn: arn, Certificates: [{CertificateArn: b}]}""",
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        """{Port: 80, Protocol: HTTP, VpcId: vpc, TargetType: ip, Targets: [{Id: 127.0.0.1, Port: 81}], HealthCheckPath: /a, Tags: [{Key: a, Value: b}]}""",
        """{Port: 80, Protocol: HTTP, VpcId: vpc, TargetType: ip, Targets: [{Id: 127.0.0.1, Port: 82}], HealthCheckPath: /b, Matcher: {HttpCode: 200-299},
        TargetGroupAttributes: [{Key: k, Value: v}], Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBInstance": (
        """{DBInstanceClass: db.t3.micro, Engine: postgres, MasterUsername: keeper, MasterUserPassword: secret99,
        AllocatedStorage: "20", Port: "5433", Tags: [{Key: a, Value: b}]}""",
        """{DBInstanceClass: db.t3.small, Engine: postgres, MasterUsername: keeper, MasterUserPassword: secret100,
        AllocatedStorage: "40", Port: "5433", DeletionProtection: false, ApplyImmediately: true, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBCluster": (
        """{Engine: aurora-postgresql, MasterUsername: keeper, MasterUserPassword: secret99, DatabaseName: shop, EnableHttpEndpoint: true,
        ServerlessV2ScalingConfiguration: {MinCapacity: 0.5, MaxCapacity: 4}, Port: 5433, Tags: [{Key: a, Value: b}]}""",
        """{Engine: aurora-postgresql, MasterUsername: keeper, MasterUserPassword: secret100, DatabaseName: shop, DeletionProtection: false,
        ServerlessV2ScalingConfiguration: {MinCapacity: 1, MaxCapacity: 8}, Port: 5434, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBClusterParameterGroup": (
        """{Description: d, Family: aurora-postgresql18, Parameters: {work_mem: "8192"}, Tags: [{Key: a, Value: b}]}""",
        """{Description: d, Family: aurora-postgresql18, Parameters: {max_connections: "50"}, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBSubnetGroup": (
        """{DBSubnetGroupDescription: d, SubnetIds: [subnet-1, subnet-2], Tags: [{Key: a, Value: b}]}""",
        """{DBSubnetGroupDescription: e, SubnetIds: [subnet-1, subnet-3], Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBProxy": (
        """{DBProxyName: pool, EngineFamily: POSTGRESQL, RoleArn: 'arn:aws:iam::123456789012:role/r', VpcSubnetIds: [subnet-1, subnet-2],
        Auth: [{AuthScheme: SECRETS, SecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-abcdef', IAMAuth: DISABLED}],
        RequireTLS: true, VpcSecurityGroupIds: [sg-1], Tags: [{Key: a, Value: b}]}""",
        """{DBProxyName: pool, EngineFamily: POSTGRESQL, RoleArn: 'arn:aws:iam::123456789012:role/q', VpcSubnetIds: [subnet-1, subnet-2],
        Auth: [{AuthScheme: SECRETS, SecretArn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:s-abcdef', IAMAuth: REQUIRED}],
        RequireTLS: false, VpcSecurityGroupIds: [sg-2], IdleClientTimeout: 60, DebugLogging: true, Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBProxyEndpoint": (
        "{DBProxyName: pool, DBProxyEndpointName: other, VpcSubnetIds: [subnet-1, subnet-2], TargetRole: READ_WRITE, Tags: [{Key: a, Value: b}]}",
        """{DBProxyName: pool, DBProxyEndpointName: other, VpcSubnetIds: [subnet-1, subnet-2], TargetRole: READ_WRITE, VpcSecurityGroupIds: [sg-2],
        Tags: [{Key: c, Value: d}]}""",
    ),
    "AWS::RDS::DBProxyTargetGroup": (
        """{DBProxyName: pool, TargetGroupName: default, DBInstanceIdentifiers: [orders],
        ConnectionPoolConfigurationInfo: {MaxConnectionsPercent: 10, ConnectionBorrowTimeout: 30}}""",
        """{DBProxyName: pool, TargetGroupName: default, DBInstanceIdentifiers: [others],
        ConnectionPoolConfigurationInfo: {MaxConnectionsPercent: 20, InitQuery: select 1}}""",
    ),
    "AWS::RDS::DBParameterGroup": (
        """{Description: d, Family: postgres18, Parameters: {work_mem: "8192"}, Tags: [{Key: a, Value: b}]}""",
        """{Description: d, Family: postgres18, Parameters: {max_connections: "50"}, Tags: [{Key: c, Value: d}]}""",
    ),
}
