"""How desirable and undesirable stand to one another: statistics, class weights, row weights, and the order of rows."""
