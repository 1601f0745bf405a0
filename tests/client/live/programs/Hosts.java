// Says on which executors its tasks ran, and what its arguments are.

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.sql.SparkSession;

public class Hosts {

    /** Where a task runs, after it has kept its core busy for long enough that the others go elsewhere. */
    public static class Where implements Function {
        public Object call(Object item) throws Exception {
            Thread.sleep(500);
            return SparkEnv.get().blockManager().blockManagerId().host();
        }
    }

    public static void main(String[] args) throws Exception {
        SparkSession spark = SparkSession.builder().appName("hosts").getOrCreate();
        JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
        int nodes = Integer.parseInt(args[0]);
        TreeSet hosts = new TreeSet();
        for (int round = 0; round < 60 && hosts.size() < nodes; round++) {
            List items = new ArrayList();
            for (int i = 0; i < 4 * nodes; i++) {
                items.add(Integer.valueOf(i));
            }
            hosts.addAll(context.parallelize(items, items.size()).map(new Where()).collect());
        }
        System.out.println("Executors on " + hosts.size() + " hosts; argument: " + args[1]);
        spark.stop();
    }
}
