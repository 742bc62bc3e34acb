import { put } from '@aws-appsync/utils/dynamodb';

export const request = (ctx) => put({ key: { id: ctx.args.id }, item: ctx.args });

export const response = (ctx) => ctx.result;
