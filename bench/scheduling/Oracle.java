import io.ashlar.scheduler.Accounts;
import io.ashlar.scheduler.CostModel;
import io.ashlar.scheduler.Job;
import io.ashlar.scheduler.Policy;
import io.ashlar.scheduler.StepLimits;

/**
 * What an order could reach that knows how long answers become: a request's limit is told to be its length. First who has least left
 * to do, weighed by the tokens over which a wait is spread (Smith's rule, for the mean time per token). To compare with only.
 */
enum Oracle implements Policy.Kind {
    KNOWS_LENGTHS;

    @Override
    public String word() {
        return "lengths known";
    }

    @Override
    public Policy make(CostModel cost, Accounts accounts, StepLimits limits) {
        return new Policy() {
            @Override
            public long rank(Job job, long nowNanos) {
                double left = cost.prefill(job.pending(), job.length() - job.pending())
                        + (job.limit() - job.made()) * (cost.decodeRow() + cost.page() * job.length() / 16 + cost.base() / 16);
                return (long) (left * job.limit() / 1e4);
            }

            @Override
            public boolean plansGrowth() {
                return true;
            }
        };
    }
}
