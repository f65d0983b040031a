import type { TransactionSummary } from '@tercet/sdk/operator';
import type { Colors } from '../colors';

/** Green when all is done, cyan while phase two is on its way; a cancelled transaction is no error. */
export function paintStatus(
  text: string,
  status: TransactionSummary['status'],
  colors: Colors,
): string {
  switch (status) {
    case 'confirmed':
      return colors.green(text);
    case 'confirming':
    case 'cancelling':
      return colors.cyan(text);
    case 'trying':
    case 'cancelled':
      return text;
  }
}
