import { extensions } from '@aws-appsync/utils';

export const request = () => ({ payload: null });

export function response(ctx) {
  extensions.setSubscriptionFilter({
    filterGroup: [{ filters: [{ fieldName: 'amount', operator: 'ge', value: ctx.args.least }] }],
  });
  return null;
}
