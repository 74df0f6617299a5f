print("prn-darknet")
