/** Columns of `transactions` as they are read: what has a fixed width holds a word or a number for "none". */

const finishedAt = 'IF(open_owner IS NULL,next_at,NULL) AS finished_at';
const decidedAt = 'NULLIF(decided_at,0) AS decided_at';
const cause = "NULLIF(cause,'none') AS cause";

/** A whole row, as {@link TransactionRow} has it. */
export const transactionColumns = [
  'gid,run_id,name,status,branches,NULL AS registration,owner,epoch,open_owner',
  'IF(open_owner IS NULL,NULL,next_at) AS next_at,opened_at,deadline_at',
  `${decidedAt},${finishedAt},${cause},reason,format,details,states,tombstone`,
].join(',');

/** A row of a list. */
export const summaryColumns = `gid,run_id,name,status,branches,opened_at,${decidedAt},${finishedAt},${cause},tombstone`;
