package io.ashlar.quota;

/**
 * What tokens cost, in millionths of the currency for a million of them.
 *
 * @param cached of prompt tokens that were found computed
 */
public record Price(long prompt, long cached, long completion) {
    public static final Price FREE = new Price(0, 0, 0);

    /** Of a request, in thousandths of a millionth of the currency, rounded up. */
    public long nanos(int promptTokens, int cachedTokens, int completionTokens) {
        long parts = (promptTokens - cachedTokens) * prompt + cachedTokens * cached + completionTokens * completion;
        return Math.ceilDiv(parts, 1000);
    }

    /** The price if nothing is found computed, or all, whichever is more. */
    Price worst() {
        return new Price(Math.max(prompt, cached), Math.max(prompt, cached), completion);
    }
}
